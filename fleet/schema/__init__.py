"""The table schema of osquery and fleetd, and a SQLite that knows it."""

from .catalog import Column, Table, osquery_version, tables
from .checking import SQL_MAX, Check, check
from .errors import Failed, TimedOut, TooMuch
from .functions import Value
from .sqlite import Database, Limits, NoRows, Prepared, Result, Source
from .virtual import Constraint, Operator, Row

__all__ = [
    "SQL_MAX",
    "Check",
    "Column",
    "Constraint",
    "Database",
    "Failed",
    "Limits",
    "NoRows",
    "Operator",
    "Prepared",
    "Result",
    "Row",
    "Source",
    "Table",
    "TimedOut",
    "TooMuch",
    "Value",
    "check",
    "osquery_version",
    "tables",
]
