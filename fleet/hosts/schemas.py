"""Hosts on the wire: what comes in, and the object that lists and details show."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fleet import clock
from fleet.hosts.listing import HostRow
from fleet.hosts.naming import shown_name
from fleet.hosts.platforms import LINUX
from fleet.hosts.status import is_online
from fleet.shapes import Body, Id, Ids


class HostFilters(Body):
    """A selection of hosts by what they are; everything that is given must hold."""

    query: str = ""
    status: str = ""
    label_id: Id | None = None
    team_id: Id | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_other_filter(cls, data: Any) -> Any:
        """A filter that is not known must not widen the selection to everything."""
        for key in data if isinstance(data, dict) else ():
            if key.lower() not in cls.model_fields:
                raise PydanticCustomError("unknown_filter", "unknown filter {key}", {"key": key[:100]})
        return data


class HostSelection(Body):
    """Hosts by their ids, or by filters."""

    ids: Ids | None = None
    filters: HostFilters | None = None


class HostSearch(Body):
    """A search for hosts to pick; `query_id` is the saved query that they shall run."""

    query: str = ""
    query_id: Id | None = None
    excluded_host_ids: Annotated[list[Id], Field(max_length=10_000)] = []


def number(value: float) -> int | float:
    """A float as JSON shows it: whole ones without a fraction, if they fit into an integer of JSON."""
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


_COLUMNS = (
    "id", "detail_updated_at", "label_updated_at", "policy_updated_at", "last_enrolled_at", "seen_time",
    "refetch_requested", "hostname", "uuid", "platform", "osquery_version", "os_version", "build", "platform_like",
    "code_name", "uptime", "memory", "cpu_type", "cpu_subtype", "cpu_brand", "cpu_physical_cores",
    "cpu_logical_cores", "hardware_vendor", "hardware_model", "hardware_version", "hardware_serial",
    "computer_name", "public_ip", "primary_ip", "primary_mac", "distributed_interval", "config_tls_refresh",
    "logger_tls_period", "team_id",
)  # fmt: skip


def item(row: HostRow, now: datetime | None = None, *, seen_at: datetime | None = None) -> dict[str, Any]:
    """A host of a list. `seen_at`: a later moment than the row's at which the host is known to have called."""
    values = row._mapping
    seen = max(row.seen_time, seen_at) if seen_at else row.seen_time
    on = is_online(seen, row.distributed_interval, row.config_tls_refresh, now or clock.now())
    return {
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "software_updated_at": row.created_at,
        **{name: values[name] for name in _COLUMNS},
        "seen_time": seen,
        "pack_stats": None,
        "team_name": row.team_name,
        "gigs_disk_space_available": number(row.gigs_disk_space_available),
        "percent_disk_space_available": number(row.percent_disk_space_available),
        "issues": {"total_issues_count": 0, "failing_policies_count": 0},
        "mdm": {"enrollment_status": None, "server_url": None, "name": "", "encryption_key_available": False},
        "refetch_critical_queries_until": row.refetch_critical_queries_until,
        "status": "online" if on else "offline",
        "display_text": row.hostname,
        "display_name": shown_name(row.computer_name, row.hostname, row.hardware_model, row.hardware_serial),
    }


def candidate(row: HostRow, now: datetime) -> dict[str, Any]:
    """A host that a search found, to be picked: as in a list, but clients expect no name of its team here."""
    return item(row, now) | {"team_name": None}


def encryption(row: HostRow) -> bool | None:
    """Whether the disk is encrypted; none when unknown, and on Linux also when not, where the answer is unsure."""
    if row.encrypted is False and row.platform in LINUX:
        return None
    return row.encrypted if row.encrypted is None else bool(row.encrypted)


def restarted_at(row: HostRow) -> datetime | None:
    """When the host started last, as far as it has told."""
    if not row.uptime or row.detail_updated_at <= clock.NEVER:
        return None
    moment: datetime = row.detail_updated_at - timedelta(microseconds=min(row.uptime // 1000, 10**15))
    return moment


def chosen_additional(text: str | None, names: list[str]) -> Any:
    """The named parts of what a host answered (`*`: all); a part that is not there is null."""
    stored = orjson.loads(text) if text else None
    if names == ["*"]:
        return stored
    known = stored if isinstance(stored, dict) else {}
    return {name: known.get(name) for name in names}
