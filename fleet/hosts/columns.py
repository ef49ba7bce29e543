"""The columns that people may choose for the list of hosts."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column; it sorts unless it says otherwise."""

    key: str
    label: str
    shown: bool = False  # until somebody chooses
    sorts: bool = True
    number: bool = False
    first: str = "asc"  # direction of the first click


COLUMNS = (
    Column("hostname", "Hostname"),
    Column("computer_name", "Computer name"),
    Column("team_name", "Team"),
    Column("status", "Status", shown=True, sorts=False),
    Column("gigs_disk_space_available", "Disk space", shown=True),
    Column("os_version", "Operating system", shown=True),
    Column("osquery_version", "Osquery", shown=True),
    Column("primary_ip", "Private address", shown=True),
    Column("detail_updated_at", "Last fetched", shown=True, first="desc"),
    Column("seen_time", "Last seen", first="desc"),
    Column("created_at", "Added", first="desc"),
    Column("uptime", "Last restarted"),
    Column("memory", "Memory", number=True, first="desc"),
    Column("cpu_type", "Processor", sorts=False),
    Column("hardware_model", "Hardware model"),
    Column("hardware_serial", "Serial number"),
    Column("uuid", "UUID"),
    Column("primary_mac", "MAC address"),
    Column("public_ip", "Public address"),
)
"""Every column beside the name of the host, in the order in which they stand."""

KEYS = tuple(column.key for column in COLUMNS)
SORTS = frozenset({"display_name", *(column.key for column in COLUMNS if column.sorts)})


def default(*, teams: bool) -> tuple[str, ...]:
    """What is shown until somebody chooses; the team only where there are teams."""
    return tuple(column.key for column in COLUMNS if column.shown or (teams and column.key == "team_name"))


def known(keys: Iterable[str]) -> tuple[str, ...]:
    """Those of the keys that are columns, in their order."""
    chosen = set(keys)
    return tuple(key for key in KEYS if key in chosen)
