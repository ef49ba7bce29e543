"""What hosts report about themselves: rows of detail queries become columns of the host."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, select, text

from fleet.db.portable import batches, upsert
from fleet.db.types import UtcDateTime
from fleet.hosts.models import Host, HostAdditional, HostDisk
from fleet.hosts.naming import shown_name

Row = Mapping[str, str]
Rows = list[dict[str, str]]
Columns = dict[str, Any]

MOST = 2**63 - 1
MOST_SECONDS = 2**32 - 1
MOST_ON_DISK = 2**53
"""Of gigabytes, or of a hundred: far more than there is."""

NANOSECONDS = 10**9

_PARENTHESES = re.compile(r"\([^)]*\)")
_NOT_PUBLIC = [
    ipaddress.ip_network(network)
    for network in ("127.0.0.0/8", "169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                    "::1/128", "fe80::/10", "fc00::/7")
]  # fmt: skip

_SEEN = text(
    "INSERT INTO host_seen_times (host_id, seen_at) SELECT id, :seen_at FROM hosts WHERE id IN :host_ids ORDER BY id "
    "ON CONFLICT (host_id) DO UPDATE SET seen_at = excluded.seen_at"
).bindparams(bindparam("host_ids", type_=BigInteger, expanding=True), bindparam("seen_at", type_=UtcDateTime()))


def seen(connection: Connection, host_ids: Sequence[int], moment: datetime) -> None:
    """Write that hosts were seen at that moment; hosts that are gone are left out."""
    for some in batches(host_ids):
        connection.execute(_SEEN, {"host_ids": some, "seen_at": moment})


def os_version(rows: Rows, _address: str) -> Columns:
    """Columns from the table os_version."""
    if len(rows) != 1:
        return {}
    row = rows[0]
    columns = _texts(row, build="build", platform="platform", platform_like="platform_like", code_name="codename")
    name = row.get("name", "")
    if columns.get("platform") == "" and "centos" in name.lower():
        columns["platform"] = "centos"
    if row.get("platform") != "windows" and "name" in row:
        columns["os_version"] = f"{name} {parsed_version(row)}"[:255]
    return columns


def parsed_version(row: Row) -> str:
    """The version of an operating system as it is shown, from a row of os_version."""
    name = row.get("name", "").lower()
    numbers = [row.get(part, "") for part in ("major", "minor", "patch")]
    if "ubuntu" in name:
        version = _PARENTHESES.sub("", row.get("version", "")).strip()
    elif "chrome" in name:
        version = row.get("version", "")
    elif numbers != ["0", "0", "0"]:
        version = ".".join(numbers)
    else:
        version = row.get("build", "")
    return version.strip(".")


def os_version_windows(rows: Rows, _address: str) -> Columns:
    """The name and version of Windows."""
    if len(rows) != 1:
        return {}
    shown = f"{rows[0].get('name', '')} {rows[0].get('version', '')}"
    return {"os_version": shown.replace("Microsoft Windows", "Windows", 1)[:255]}


def osquery_flags(rows: Rows, _address: str) -> Columns:
    """How often the agent really calls; `config_tls_refresh` wins over its newer name."""
    flags = {row.get("name", ""): row.get("value", "") for row in rows}
    if "config_tls_refresh" not in flags and "config_refresh" in flags:
        flags["config_tls_refresh"] = flags["config_refresh"]
    names = ("distributed_interval", "logger_tls_period", "config_tls_refresh")
    numbers = {name: whole(flags[name], 0, MOST_SECONDS) for name in names if name in flags}
    return {name: number for name, number in numbers.items() if number is not None}


def osquery_info(rows: Rows, _address: str) -> Columns:
    """The version of the agent."""
    return _texts(rows[0], osquery_version="version") if len(rows) == 1 else {}


def system_info(rows: Rows, _address: str) -> Columns:
    """Names, hardware and memory; a number that is none leaves its column as it is."""
    if len(rows) != 1:
        return {}
    row = rows[0]
    same = ("hostname", "uuid", "cpu_type", "cpu_subtype", "cpu_brand", "hardware_vendor", "hardware_model",
            "hardware_version", "hardware_serial", "computer_name")  # fmt: skip
    columns = _texts(row, **{name: name for name in same})
    numbers = {
        "memory": "physical_memory",
        "cpu_physical_cores": "cpu_physical_cores",
        "cpu_logical_cores": "cpu_logical_cores",
    }
    for column, name in numbers.items():
        number = whole(row[name], -1, MOST) if name in row else None
        if number is not None:
            columns[column] = number
    return columns


def uptime(rows: Rows, _address: str) -> Columns:
    """Nanoseconds since the host was started."""
    seconds = whole(rows[0].get("total_seconds", ""), 0, MOST // NANOSECONDS) if len(rows) == 1 else None
    return {} if seconds is None else {"uptime": seconds * NANOSECONDS}


def network_interface(rows: Rows, address: str) -> Columns:
    """The address of the host in its network, and the one that its request came from if that is public."""
    if len(rows) != 1:
        return {}
    row = rows[0]
    columns = {"primary_ip": row.get("address", "")[:45], "primary_mac": row.get("mac", "")[:17]}
    public = public_address(address)
    return columns if public is None else columns | {"public_ip": public}


def public_address(address: str) -> str | None:
    """An address as the public one of a host: "" when it is of a private network, none when it is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    inside = any(parsed in network for network in _NOT_PUBLIC if network.version == parsed.version)
    return "" if inside else str(parsed)[:45]


def disk_space(connection: Connection, host_id: int, rows: Rows) -> None:
    """How much room is left on the disk."""
    if len(rows) != 1:
        return
    names = ("gigs_disk_space_available", "percent_disk_space_available")
    numbers = [_fraction(rows[0].get(name, "")) for name in names]
    if None not in numbers:
        upsert(connection, HostDisk.__table__, [{"host_id": host_id, **dict(zip(names, numbers, strict=True))}],
               key=("host_id",))  # fmt: skip


def additional(connection: Connection, host_id: int, document: str) -> None:
    """Replace what the host answered to the additional queries."""
    upsert(connection, HostAdditional.__table__, [{"host_id": host_id, "additional": document}], key=("host_id",))


def display_name(connection: Connection, host_id: int, columns: Columns) -> Columns:
    """The columns, with the name to show if a part of it is among them and the host is still there."""
    names = ("computer_name", "hostname", "hardware_model", "hardware_serial")
    if not any(name in columns for name in names):
        return columns
    parts = {name: columns[name] for name in names if name in columns}
    if len(parts) < len(names):
        wanted = select(*(Host.__table__.c[name] for name in names)).where(Host.id == host_id)
        row = connection.execute(wanted).mappings().one_or_none()
        if row is None:
            return columns
        parts = dict(row) | parts
    return columns | {"display_name": shown_name(*(parts[name] for name in names))[:255]}


def whole(value: str, least: int, most: int) -> int | None:
    """A whole number within bounds; empty is 0, anything else none."""
    if not value:
        return 0
    if not re.fullmatch(r"-?[0-9]{1,19}", value):
        return None
    number = int(value)
    return number if least <= number <= most else None


def _fraction(value: str) -> float | None:
    try:
        number = float(value or 0)
    except ValueError:
        return None
    return number if 0 <= number <= MOST_ON_DISK else None


def _texts(row: Row, **names: str) -> Columns:
    return {column: row[name][:255] for column, name in names.items() if name in row}
