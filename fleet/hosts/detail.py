"""Everything that is known of one host: its labels, the packs that it gets and what they ask of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Row, bindparam, select
from sqlalchemy.orm import Session

from fleet.hosts.listing import HostRow
from fleet.hosts.platforms import generic
from fleet.hosts.schemas import chosen_additional, encryption, item
from fleet.labels.models import Label, LabelMembership
from fleet.labels.schemas import LabelRow, label_of_host
from fleet.packs.models import Pack, ScheduledQuery
from fleet.packs.reach import reaches
from fleet.queries.models import Query
from fleet.queries.schedule import runs_for

NEVER_RUN = datetime(2000, 1, 1, tzinfo=UTC)
"""When a scheduled query ran last that has not run yet (Fleet API for contributors)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A query that a host is sent on a schedule."""

    name: str
    entry_id: int  # of the pack's entry; in schedules without a pack, of the query
    query_id: int
    query_name: str
    description: str
    interval: int  # seconds


@dataclass(frozen=True, slots=True)
class Schedule:
    """Scheduled queries that come together: a pack, the global schedule, or that of a team."""

    pack_id: int
    name: str
    kind: str  # pack, global, team-N
    entries: Sequence[Entry]


_LABEL, _PACK, _QUERY = Label.__table__.c, Pack.__table__.c, Query.__table__.c
_MEMBER, _ENTRY = LabelMembership.__table__.c, ScheduledQuery.__table__.c

# Made once: that costs more than running one of them.
_THE_HOST, _ITS_TEAM = bindparam("host_id", type_=BigInteger), bindparam("team_id", type_=BigInteger)
_LABELS = (
    select(*_LABEL)
    .join(LabelMembership.__table__, _MEMBER.label_id == _LABEL.id)
    .where(_MEMBER.host_id == _THE_HOST)
    .order_by(_LABEL.id)
)
_PACKS = select(*_PACK).where(reaches(_THE_HOST, _ITS_TEAM)).order_by(_PACK.id)
_ENTRIES = (
    select(_ENTRY.pack_id, _ENTRY.id, _ENTRY.name, _ENTRY.query_id, _ENTRY.platform, _ENTRY.interval,
           _QUERY.name.label("query_name"), _QUERY.description)
    .join(Query.__table__, _QUERY.id == _ENTRY.query_id)
    .where(_ENTRY.pack_id.in_(bindparam("pack_ids", expanding=True)))
    .order_by(_ENTRY.id)
)  # fmt: skip
_SCHEDULED = (
    select(_QUERY.id, _QUERY.team_id, _QUERY.name, _QUERY.description, _QUERY.platform, _QUERY.interval)
    .where(runs_for(_ITS_TEAM))
    .order_by(_QUERY.id)
)

PackRow = Row[Any]
"""The columns of a pack."""


def labels_of(session: Session, host_id: int) -> Sequence[LabelRow]:
    """The labels that a host is in."""
    return session.execute(_LABELS, {"host_id": host_id}).all()


def packs_of(session: Session, row: HostRow) -> Sequence[PackRow]:
    """The packs that a host is sent."""
    return session.execute(_PACKS, {"host_id": row.id, "team_id": row.team_id}).all()


def schedules_of(session: Session, row: HostRow, packs: Sequence[PackRow]) -> list[Schedule]:
    """What a host is asked on a schedule, by pack, then globally, then by its team; nothing empty."""
    platform = generic(row.platform)
    schedules = [*_of_packs(session, packs, platform), *_of_queries(session, row, platform)]
    return [schedule for schedule in schedules if schedule.entries]


def _of_packs(session: Session, packs: Sequence[PackRow], platform: str) -> list[Schedule]:
    if not packs:
        return []
    rows = session.execute(_ENTRIES, {"pack_ids": [pack.id for pack in packs]}).all()
    return [
        Schedule(pack.id, pack.name, "pack", [
            Entry(entry.name, entry.id, entry.query_id, entry.query_name, entry.description, entry.interval)
            for entry in rows if entry.pack_id == pack.id and _fits(entry.platform, platform)
        ])
        for pack in packs
    ]  # fmt: skip


def _of_queries(session: Session, row: HostRow, platform: str) -> list[Schedule]:
    rows = session.execute(_SCHEDULED, {"team_id": row.team_id})
    common: list[Entry] = []
    own: list[Entry] = []
    for query in rows:
        if _fits(query.platform, platform):
            entry = Entry(query.name, query.id, query.id, query.name, query.description, query.interval)
            (common if query.team_id is None else own).append(entry)
    return [
        Schedule(0, "Global", "global", common),
        Schedule(0, f"Team: {row.team_name}", f"team-{row.team_id}", own),
    ]


def _fits(platforms: str | None, platform: str) -> bool:
    named = [name.strip() for name in (platforms or "").split(",") if name.strip()]
    return not named or platform in named


def describe(session: Session, row: HostRow, *, seen_at: datetime | None = None) -> dict[str, Any]:
    """The host as GET /hosts/{id} shows it; `row` as `listing.one` reads it."""
    packs = packs_of(session, row)
    schedules = schedules_of(session, row, packs)
    shown = item(row, seen_at=seen_at)
    if row.additional:
        shown["additional"] = chosen_additional(row.additional, ["*"])
    encrypted = encryption(row)
    if encrypted is not None:
        shown["disk_encryption_enabled"] = encrypted
    shown["mdm"] = {**shown["mdm"], "profiles": None}
    return shown | {
        "pack_stats": [_stats(schedule) for schedule in schedules] or None,
        "labels": [label_of_host(label) for label in labels_of(session, row.id)],
        "packs": [_pack(pack) for pack in packs],
        "policies": [],
        "batteries": None,
    }


def _pack(pack: PackRow) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "created_at": pack.created_at, "updated_at": pack.updated_at, "id": pack.id, "name": pack.name,
        "description": pack.description, "platform": pack.platform, "disabled": pack.disabled, "type": None,
        "labels": None, "label_ids": None, "hosts": None, "host_ids": None, "teams": None, "team_ids": None,
    }  # fmt: skip
    return {name: value for name, value in shown.items() if value != "" or name == "name"}


def _stats(schedule: Schedule) -> dict[str, Any]:
    return {
        "pack_id": schedule.pack_id,
        "pack_name": schedule.name,
        "type": schedule.kind,
        "query_stats": [_entry_stats(schedule, entry) for entry in schedule.entries],
    }


def _entry_stats(schedule: Schedule, entry: Entry) -> dict[str, Any]:
    return {
        "scheduled_query_name": entry.name,
        "scheduled_query_id": entry.entry_id,
        "query_name": entry.query_name,
        **({"description": entry.description} if entry.description else {}),
        "pack_name": schedule.name,
        **({"pack_id": schedule.pack_id} if schedule.pack_id else {}),
        "average_memory": 0,
        "denylisted": False,
        "executions": 0,
        "interval": entry.interval,
        "last_executed": NEVER_RUN,
        "output_size": 0,
        "system_time": 0,
        "user_time": 0,
        "wall_time": 0,
    }
