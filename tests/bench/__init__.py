"""`make bench`: how fast the server is beside yardsticks that are measured in the same run."""
