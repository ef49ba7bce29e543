"""Groups of hosts."""
