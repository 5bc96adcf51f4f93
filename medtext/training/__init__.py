"""What learns from corrected notes: fitting and training, and what is measured of it."""
