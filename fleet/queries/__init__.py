"""Saved queries and their schedules."""
