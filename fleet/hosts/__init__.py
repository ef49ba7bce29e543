"""Managed devices."""
