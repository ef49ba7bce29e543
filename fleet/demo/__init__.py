"""Everything at once, to look at: a server, this computer, simulated hosts and a live query."""
