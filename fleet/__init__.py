"""Fleet: know what is true on every host, right now."""

VERSION = "4.38.0"
"""The version of the API contract that the server answers; clients compare it with their own."""
