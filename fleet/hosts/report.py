"""Lists of hosts as CSV, written row by row as they are read."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Engine, Select

from fleet import clock
from fleet.db.engine import reading
from fleet.errors import BadRequest
from fleet.hosts.schemas import item
from fleet.web import spreadsheets

COLUMNS = (
    "created_at", "updated_at", "software_updated_at", "id", "detail_updated_at", "label_updated_at",
    "policy_updated_at", "last_enrolled_at", "seen_time", "refetch_requested", "hostname", "uuid", "platform",
    "osquery_version", "os_version", "build", "platform_like", "code_name", "uptime", "memory", "cpu_type",
    "cpu_subtype", "cpu_brand", "cpu_physical_cores", "cpu_logical_cores", "hardware_vendor", "hardware_model",
    "hardware_version", "hardware_serial", "computer_name", "primary_ip_id", "public_ip", "primary_ip",
    "primary_mac", "distributed_interval", "config_tls_refresh", "logger_tls_period", "team_id", "team_name",
    "gigs_disk_space_available", "percent_disk_space_available", "issues", "mdm.enrollment_status",
    "mdm.server_url", "status", "display_text", "display_name", "device_mapping",
)  # fmt: skip
"""Every column, in the order of a report that names none."""


def columns(text: str) -> tuple[str, ...]:
    """The columns that a comma list picks and orders, each once; empty: all."""
    chosen = tuple(dict.fromkeys(name.strip() for name in text.split(","))) if text.strip() else COLUMNS
    for name in chosen:
        if name not in COLUMNS:
            raise BadRequest(f'invalid column name: "{name}"')
    return chosen


def headers() -> dict[str, str]:
    """The headers of a report: it is a file of today."""
    name = f"Hosts {clock.now():%Y-%m-%d}.csv"
    return {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}


def lines(engine: Engine, statement: Select[Any], chosen: Sequence[str]) -> Iterator[str]:
    """The report: a header, then a line for each host, on a connection of its own."""
    yield spreadsheets.line(chosen)
    now = clock.now()
    with reading(engine) as connection:
        found = connection.execution_options(stream_results=True, yield_per=500).execute(statement)
        for some in found.partitions():
            yield "".join(spreadsheets.line(_values(item(row, now), chosen)) for row in some)


def _values(host: dict[str, Any], chosen: Sequence[str]) -> list[object]:
    flat = host | {
        "uptime": uptime(host["uptime"]),
        "issues": host["issues"]["total_issues_count"],
        "mdm.enrollment_status": host["mdm"]["enrollment_status"],
        "mdm.server_url": host["mdm"]["server_url"],
    }
    return [flat.get(name) for name in chosen]


def uptime(nanoseconds: int) -> str:
    """A duration as clients write it: `26h3m4s`, `51.5s`."""
    whole, rest = divmod(max(nanoseconds, 0), 1_000_000_000)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    text = f"{seconds}{f'.{rest:09d}'.rstrip('0') if rest else ''}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
