"""What an agent needs of the computer it runs on, real or simulated."""

from collections.abc import Container, Hashable, Iterable, Mapping, Sequence
from typing import Protocol

from fleet.schema import Constraint, Row, Value

PLATFORM_TYPES = {"linux": "9", "darwin": "21", "windows": "2", "chrome": "9"}
BUILDS = {"linux": ("linux", "centos7"), "darwin": ("darwin", "10.14"), "windows": ("windows", "10")}


class Machine(Protocol):
    """A computer: its rows, and who it is."""

    @property
    def constrained(self) -> Container[str]:
        """Tables that look at their constraints; all others are read whole, once a query."""

    @property
    def platform(self) -> str:
        """darwin, linux, windows or chrome."""

    @property
    def identifier(self) -> str:
        """The hardware uuid: what --host_identifier=uuid names the host."""

    @property
    def extensions(self) -> frozenset[str]:
        """Tables beyond osquery's that work here, as with fleetd."""

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows of a table; none for a table that it does not know."""

    def scope(self, table: str) -> Hashable | None:
        """Equal for computers whose rows of the table are equal; None when they are its own."""


def first_row(machine: Machine, table: str) -> dict[str, str]:
    """The row of a table that has one, all cells as texts."""
    for row in machine.rows(table, ()):
        return {name: _cell(value) for name, value in row.items()}
    return {}


def host_details(machine: Machine, osquery_info: Mapping[str, Value]) -> dict[str, dict[str, str]]:
    """What osqueryd tells about a host when it enrolls."""
    return {
        "os_version": first_row(machine, "os_version"),
        "osquery_info": {name: _cell(value) for name, value in osquery_info.items()},
        "platform_info": first_row(machine, "platform_info"),
        "system_info": first_row(machine, "system_info"),
    }


def _cell(value: Value) -> str:
    return "" if value is None else str(value)
