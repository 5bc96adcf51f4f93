"""Notes of nobody, written for demonstration."""
