"""Simulated hosts: the same seed gives the same computers, on every run."""

from .host import SimulatedHost, population

__all__ = ["SimulatedHost", "population"]
