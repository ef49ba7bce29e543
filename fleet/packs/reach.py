"""Whom packs reach: the hosts of their labels, those named one by one, and those of their teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, and_, exists, func, or_, select, union
from sqlalchemy.orm import Session

from fleet.db.portable import batches
from fleet.hosts.listing import matches
from fleet.hosts.models import Host
from fleet.labels.models import Label, LabelMembership
from fleet.packs.models import Pack, PackTarget, TargetType
from fleet.teams.models import Team

OFFERED, FOUND = 8, 40
"""How many hosts are offered before somebody searches, and then."""

LISTED = 100
"""Chosen hosts that are listed; the others are kept and counted."""

# Columns of the tables, not attributes of the models: with one of those in it a statement costs an ORM's pass.
_HOST, _PACK, _TARGET = Host.__table__.c, Pack.__table__.c, PackTarget.__table__.c
_MEMBER = LabelMembership.__table__.c
_SHOWN = select(_HOST.id, _HOST.display_name, _HOST.primary_ip, _HOST.os_version)

_BY_LABEL = and_(_TARGET.type == TargetType.LABEL, _PACK.disabled.is_(False))
"""A disabled pack no longer comes by label; to hosts and teams that are named it still does."""
_BY_HOST = _TARGET.type == TargetType.HOST
_BY_TEAM = _TARGET.type == TargetType.TEAM

Id = BindParameter[int]
"""An id that comes when the statement is run."""


def reaches(host_id: Id, team_id: Id) -> ColumnElement[bool]:
    """Whether a host, of a team or (null) of none, is sent a pack: as SQL over packs."""
    member = exists().where(_MEMBER.host_id == host_id, _MEMBER.label_id == _TARGET.target_id)
    by_host, by_team = _TARGET.target_id == host_id, _TARGET.target_id == team_id
    aimed = or_(and_(_BY_LABEL, member), and_(_BY_HOST, by_host), and_(_BY_TEAM, by_team))
    return exists().where(_TARGET.pack_id == _PACK.id, aimed)


def host_counts(session: Session, pack_ids: Sequence[int]) -> dict[int, int]:
    """How many hosts are sent each of these packs as things stand, in one statement; none: not in it."""
    aimed = PackTarget.__table__.join(Pack.__table__, _PACK.id == _TARGET.pack_id)
    ways = (
        (_BY_LABEL, LabelMembership.__table__, _MEMBER.label_id, _MEMBER.host_id),
        (_BY_HOST, Host.__table__, _HOST.id, _HOST.id),
        (_BY_TEAM, Host.__table__, _HOST.team_id, _HOST.id),
    )
    reached = union(*(
        select(_TARGET.pack_id, host_id)
        .select_from(aimed.join(table, aimed_at == _TARGET.target_id))
        .where(way, _TARGET.pack_id.in_(pack_ids))
        for way, table, aimed_at, host_id in ways
    )).subquery()  # fmt: skip
    counts = select(reached.c.pack_id, func.count()).group_by(reached.c.pack_id)
    return dict(session.execute(counts).all())


@dataclass(frozen=True, slots=True)
class Aim:
    """What a pack is aimed at, or shall be, as ids."""

    label_ids: Sequence[int] = ()
    host_ids: Sequence[int] = ()
    team_ids: Sequence[int] = ()


def count(session: Session, aim: Aim, *, disabled: bool = False) -> int:
    """How many hosts an aim reaches while its pack is enabled, or disabled."""
    ways = [_HOST.id.in_(some) for some in batches(aim.host_ids)]
    ways += [_HOST.team_id.in_(some) for some in batches(aim.team_ids)]
    if not disabled:
        members = select(_MEMBER.host_id)
        ways += [_HOST.id.in_(members.where(_MEMBER.label_id.in_(some))) for some in batches(aim.label_ids)]
    if not ways:
        return 0
    return session.scalar(select(func.count()).select_from(Host.__table__).where(or_(*ways))) or 0


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form of a pack offers: labels and teams with how many hosts they have, and hosts."""

    labels: Sequence[Row[*tuple[Any, ...]]]
    teams: Sequence[Row[*tuple[Any, ...]]]
    chosen: Sequence[Row[*tuple[Any, ...]]]
    more: Sequence[int]
    found: Sequence[Row[*tuple[Any, ...]]]


def choices(session: Session, aim: Aim, match: str) -> Choices:
    """All labels and teams, the hosts that are chosen, and some others that match."""
    label, team = Label.__table__.c, Team.__table__.c
    members = select(func.count()).where(_MEMBER.label_id == label.id).scalar_subquery()
    of_team = select(func.count()).where(_HOST.team_id == team.id).scalar_subquery()
    listed = _SHOWN.where(_HOST.id.in_(aim.host_ids[:LISTED])).order_by(_HOST.display_name, _HOST.id)
    most = FOUND if match else OFFERED
    others = _SHOWN.order_by(_HOST.display_name, _HOST.id).limit(most + len(aim.host_ids))
    if match:
        others = others.where(matches(match))
    taken = set(aim.host_ids)
    return Choices(
        labels=session.execute(
            select(label.id, label.name, label.label_type, members.label("hosts")).order_by(
                label.label_type.desc(), label.name_key
            )
        ).all(),
        teams=session.execute(select(team.id, team.name, of_team.label("hosts")).order_by(team.name_key)).all(),
        chosen=session.execute(listed).all(),
        more=aim.host_ids[LISTED:],
        found=[row for row in session.execute(others) if row.id not in taken][:most],
    )
