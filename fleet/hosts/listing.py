"""Which hosts a list holds, and in which order: one SELECT of plain rows for a page, one for a count."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Text, and_, bindparam, exists, false, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from fleet import clock
from fleet.authz.check import Visible
from fleet.db.listing import Columns, ListOptions, ordered, paged
from fleet.db.portable import batches, contains
from fleet.hosts import status
from fleet.hosts.models import Host, HostAdditional, HostDisk
from fleet.labels.models import LabelMembership
from fleet.teams.models import Team

STATUSES = ("online", "offline", "missing", "mia", "new")
"""What a list can be narrowed to; `mia` is the old name of missing."""

SECRET = frozenset({"node_key_digest", "orbit_node_key_digest", "osquery_host_id"})
"""Columns that no list shows, sorts by or searches."""

SEARCHED = ("hostname", "computer_name", "uuid", "hardware_serial", "primary_ip")
"""Where a search looks."""

HostRow = Row[Any]
"""A host as lists show it: its columns, when it was seen, its disk and the name of its team."""

# Columns of the tables, not attributes of the models: with one of those in it a statement costs an ORM's pass.
_HOST, _DISK, _TEAM = Host.__table__.c, HostDisk.__table__.c, Team.__table__.c
_ADDITIONAL, _MEMBER = HostAdditional.__table__.c, LabelMembership.__table__.c

_PUBLIC = tuple(column for column in _HOST if column.name not in SECRET)

_SHOWN = (
    *_PUBLIC,
    status.SEEN_AT.label("seen_time"),
    func.coalesce(_DISK.gigs_disk_space_available, 0.0).label("gigs_disk_space_available"),
    func.coalesce(_DISK.percent_disk_space_available, 0.0).label("percent_disk_space_available"),
    _DISK.host_id.label("disk_host_id"),
    _DISK.encrypted,
    _TEAM.name.label("team_name"),
)

_FROM = status.JOINED.outerjoin(HostDisk.__table__, _DISK.host_id == _HOST.id).outerjoin(
    Team.__table__, _TEAM.id == _HOST.team_id
)

_ALL: Select[Any] = select(*_SHOWN).select_from(_FROM)

_ONE: Select[Any] = (
    select(*_SHOWN, _ADDITIONAL.additional)
    .select_from(_FROM.outerjoin(HostAdditional.__table__, _ADDITIONAL.host_id == _HOST.id))
    .where(_HOST.id == bindparam("host_id"))
)

_FOLDED = ("display_name", "hostname", "computer_name")
"""Names are ordered as people read them, capitals among small letters."""

SORTABLE: Columns = {
    **{column.name: column for column in _PUBLIC},
    **{name: func.lower(_HOST[name], type_=Text()) for name in _FOLDED},
    "seen_time": status.SEEN_AT,
    "software_updated_at": _HOST.created_at,
    "gigs_disk_space_available": _DISK.gigs_disk_space_available,
    "percent_disk_space_available": _DISK.percent_disk_space_available,
    "team_name": func.lower(_TEAM.name, type_=Text()),
}
"""The keys by which hosts may be ordered."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a host must be to stand in a list; everything that is given must hold."""

    match: str = ""
    status: str = ""  # one of STATUSES
    team_id: int | None = None
    no_team: bool = False
    label_id: int | None = None
    platform: str = ""
    os_name: str = ""
    os_version: str = ""
    low_disk_space: int | None = None  # gigabytes
    nobody: bool = False  # a filter names something that no host has


def condition(wanted: Filter, to: Visible, now: datetime | None = None) -> ColumnElement[bool]:
    """The filter as SQL over hosts, their seen times and disks, within what somebody sees."""
    now = now or clock.now()
    parts: list[ColumnElement[bool]] = [status.visible(to)]
    if wanted.nobody:
        parts.append(false())
    if wanted.match:
        parts.append(matches(wanted.match))
    if wanted.status:
        parts.append(_in_status(wanted.status, now))
    if wanted.team_id is not None:
        parts.append(_HOST.team_id == wanted.team_id)
    if wanted.no_team:
        parts.append(_HOST.team_id.is_(None))
    if wanted.label_id is not None:
        membership = exists().where(_MEMBER.host_id == _HOST.id, _MEMBER.label_id == wanted.label_id)
        parts.append(membership)
    if wanted.platform:
        parts.append(_HOST.platform == wanted.platform)
    if wanted.os_name and wanted.os_version:
        parts.append(_HOST.os_version == f"{wanted.os_name} {wanted.os_version}")
    elif wanted.os_name:
        parts.append(_HOST.os_version.startswith(wanted.os_name, autoescape=True))
    elif wanted.os_version:
        parts.append(_HOST.os_version.endswith(f" {wanted.os_version}", autoescape=True))
    if wanted.low_disk_space is not None:
        parts.append(_DISK.gigs_disk_space_available < wanted.low_disk_space)
    return and_(*parts)


def matches(text: str) -> ColumnElement[bool]:
    """Whether a text stands in what people know a host by."""
    return or_(*(contains(_HOST[name], text) for name in SEARCHED))


def _in_status(name: str, now: datetime) -> ColumnElement[bool]:
    conditions = {
        "online": status.online, "offline": status.offline, "missing": status.missing, "mia": status.missing,
        "new": status.new,
    }  # fmt: skip
    return conditions[name](now)


def shown(wanted: Filter, to: Visible) -> Select[Any]:
    """The rows of a list, neither ordered nor cut."""
    return _ALL.where(condition(wanted, to))


def in_order(statement: Select[Any], options: ListOptions) -> Select[Any]:
    """The statement in the asked order."""
    if options.order_key.removeprefix("h.") in (*_FOLDED, "team_name"):
        options = replace(options, after=options.after.lower())
    return ordered(statement, options, SORTABLE, _HOST.id)


def page(session: Session, wanted: Filter, to: Visible, options: ListOptions) -> Sequence[HostRow]:
    """One page of a list. Where it is cut, its hosts are found by their ids first: sorting whole rows costs more than
    all the rest."""
    if not options.per_page:
        return session.execute(paged(in_order(shown(wanted, to), options), options)).all()
    found = select(_HOST.id).select_from(_FROM).where(condition(wanted, to))
    whole = _ALL.where(_HOST.id.in_(paged(in_order(found, options), options)))
    return session.execute(in_order(whole, replace(options, after=""))).all()


def count(session: Session, wanted: Filter, to: Visible) -> int:
    """How many hosts a list holds."""
    statement = select(func.count()).select_from(status.JOINED)
    if wanted.low_disk_space is not None:
        statement = statement.outerjoin(HostDisk.__table__, _DISK.host_id == _HOST.id)
    return session.scalar(statement.where(condition(wanted, to))) or 0


def selected(session: Session, wanted: Filter, to: Visible) -> dict[int, int | None]:
    """All hosts of a list: id -> team."""
    statement = select(_HOST.id, _HOST.team_id).select_from(_FROM).where(condition(wanted, to))
    return {row.id: row.team_id for row in session.execute(statement.order_by(_HOST.id))}


def teams_of(session: Session, host_ids: Sequence[int]) -> dict[int, int | None]:
    """The same for those of the ids that are hosts."""
    statement = select(_HOST.id, _HOST.team_id)
    rows = (row for some in batches(host_ids) for row in session.execute(statement.where(_HOST.id.in_(some))))
    return {row.id: row.team_id for row in rows}


def one(session: Session, host_id: int) -> HostRow | None:
    """The row of one host, whoever asks; with its `additional` information, too."""
    return session.execute(_ONE, {"host_id": host_id}).one_or_none()


def additional_of(session: Session, host_ids: Sequence[int]) -> dict[int, str]:
    """What hosts answered to the additional queries, as JSON text."""
    statement = select(_ADDITIONAL.host_id, _ADDITIONAL.additional)
    rows = (
        row for some in batches(host_ids) for row in session.execute(statement.where(_ADDITIONAL.host_id.in_(some)))
    )
    return {row.host_id: row.additional for row in rows}


def search(
    session: Session, text: str, to: Visible, *, excluded: Sequence[int] = (), most: int = 10
) -> Sequence[HostRow]:
    """The newest hosts that a text matches, for picking some of them."""
    statement = shown(Filter(match=text.strip()), to)
    if excluded:
        statement = statement.where(_HOST.id.not_in(excluded))
    return session.execute(statement.order_by(_HOST.id.desc()).limit(most)).all()
