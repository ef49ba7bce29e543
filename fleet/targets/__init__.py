"""Hosts, labels and teams become host ids."""
