"""What codes exist."""
