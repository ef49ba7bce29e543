"""What the clock runs."""
