"""Sets of scheduled queries for the hosts they target."""
