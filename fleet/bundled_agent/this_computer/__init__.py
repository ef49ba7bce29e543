"""This computer as osquery sees it: real rows for the tables that are most asked for."""

from .computer import ThisComputer

__all__ = ["ThisComputer"]
