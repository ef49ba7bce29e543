"""Whom packs reach: the hosts of their labels, those named one by one, and those of their teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select, union
from sqlalchemy.orm import Session

from fleet.db.portable import batches, contains
from fleet.hosts.models import Host
from fleet.labels.models import Label, LabelMembership
from fleet.packs.models import Pack, PackTarget, TargetType
from fleet.teams.models import Team

SEARCHED = ("hostname", "computer_name", "uuid", "hardware_serial", "primary_ip")
OFFERED, FOUND = 8, 40
"""How many hosts are offered before somebody searches, and then."""

_HOST = Host.__table__.c
_TARGET = PackTarget.__table__.c
_SHOWN = select(_HOST.id, _HOST.display_name, _HOST.primary_ip, _HOST.os_version)


def reaches(host_id: int, team_id: int | None) -> ColumnElement[bool]:
    """Whether a host is sent a pack, as SQL over packs. A disabled pack no longer comes by label, but to hosts and
    teams that are named it does."""
    member = exists().where(LabelMembership.host_id == host_id, LabelMembership.label_id == PackTarget.target_id)
    aimed = [
        and_(PackTarget.type == TargetType.LABEL, Pack.disabled.is_(False), member),
        and_(PackTarget.type == TargetType.HOST, PackTarget.target_id == host_id),
    ]
    if team_id is not None:
        aimed.append(and_(PackTarget.type == TargetType.TEAM, PackTarget.target_id == team_id))
    return exists().where(PackTarget.pack_id == Pack.id, or_(*aimed))


def host_counts(session: Session, pack_ids: Sequence[int]) -> dict[int, int]:
    """How many hosts each of these packs reaches, in one statement."""
    member = LabelMembership.__table__.c
    reached = union(
        select(_TARGET.pack_id, member.host_id)
        .join(LabelMembership, member.label_id == _TARGET.target_id)
        .where(_TARGET.type == TargetType.LABEL, _TARGET.pack_id.in_(pack_ids)),
        select(_TARGET.pack_id, _HOST.id)
        .join(Host, _HOST.id == _TARGET.target_id)
        .where(_TARGET.type == TargetType.HOST, _TARGET.pack_id.in_(pack_ids)),
        select(_TARGET.pack_id, _HOST.id)
        .join(Host, _HOST.team_id == _TARGET.target_id)
        .where(_TARGET.type == TargetType.TEAM, _TARGET.pack_id.in_(pack_ids)),
    ).subquery()
    counts = select(reached.c.pack_id, func.count()).group_by(reached.c.pack_id)
    return dict(session.execute(counts).all())


@dataclass(frozen=True, slots=True)
class Aim:
    """What a pack is aimed at, or shall be, as ids."""

    label_ids: Sequence[int] = ()
    host_ids: Sequence[int] = ()
    team_ids: Sequence[int] = ()


def count(session: Session, aim: Aim) -> int:
    """How many hosts an aim reaches."""
    ways = [_HOST.id.in_(some) for some in batches(aim.host_ids)]
    if aim.label_ids:
        members = select(LabelMembership.host_id).where(LabelMembership.label_id.in_(aim.label_ids[:500]))
        ways.append(_HOST.id.in_(members))
    if aim.team_ids:
        ways.append(_HOST.team_id.in_(aim.team_ids[:500]))
    if not ways:
        return 0
    return session.scalar(select(func.count()).select_from(Host).where(or_(*ways))) or 0


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form of a pack offers: labels and teams with how many hosts they have, and hosts."""

    labels: Sequence[Row[*tuple[Any, ...]]]
    teams: Sequence[Row[*tuple[Any, ...]]]
    chosen: Sequence[Row[*tuple[Any, ...]]]
    found: Sequence[Row[*tuple[Any, ...]]]


def choices(session: Session, aim: Aim, match: str) -> Choices:
    """All labels and teams, the hosts that are chosen, and some others that match."""
    label, team, member = Label.__table__.c, Team.__table__.c, LabelMembership.__table__.c
    members = select(func.count()).where(member.label_id == label.id).scalar_subquery()
    of_team = select(func.count()).where(_HOST.team_id == team.id).scalar_subquery()
    chosen = [row for some in batches(aim.host_ids) for row in session.execute(_SHOWN.where(_HOST.id.in_(some)))]
    most = FOUND if match else OFFERED
    others = _SHOWN.order_by(_HOST.display_name, _HOST.id).limit(most + len(aim.host_ids))
    if match:
        others = others.where(or_(*(contains(_HOST[name], match) for name in SEARCHED)))
    taken = set(aim.host_ids)
    return Choices(
        labels=session.execute(
            select(label.id, label.name, label.label_type, members.label("hosts")).order_by(
                label.label_type.desc(), label.name_key
            )
        ).all(),
        teams=session.execute(select(team.id, team.name, of_team.label("hosts")).order_by(team.name_key)).all(),
        chosen=chosen,
        found=[row for row in session.execute(others) if row.id not in taken][:most],
    )
