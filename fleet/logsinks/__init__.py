"""Where the logs of hosts go."""
