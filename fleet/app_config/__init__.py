"""The organization's settings."""
