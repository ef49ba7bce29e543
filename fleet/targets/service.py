"""Hosts, labels and teams become host ids: whom a live query asks, and how many those are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, false, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from fleet.authz.check import Visible
from fleet.db.portable import how_many
from fleet.hosts import status
from fleet.hosts.models import Host
from fleet.labels.models import ALL_HOSTS, Label, LabelMembership, LabelType
from fleet.names import fold


@dataclass(frozen=True, slots=True)
class Selection:
    """What somebody aims at: hosts one by one, labels and teams."""

    host_ids: Sequence[int] = ()
    label_ids: Sequence[int] = ()
    team_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """How many hosts a selection holds; missing ones are offline, too, and new ones are either."""

    total: int = 0
    online: int = 0
    offline: int = 0
    missing: int = 0
    new: int = 0


IN_ONE_PASS = 50
"""Selections that are counted in one pass over the hosts."""


def condition(session: Session, selection: Selection, visible: Visible) -> ColumnElement[bool]:
    """The selection as SQL over hosts.

    A host is in it that is named itself; or that is in All Hosts, if that label is; or that is in one of the
    built-in labels, and in one of the other labels, and in one of the teams, where any of each were named. A label
    that does not exist has no hosts.
    """
    return _holds(selection, visible, frozenset(_builtin(session, selection.label_ids)))


def _holds(selection: Selection, visible: Visible, built_in: Collection[int]) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = []
    if selection.host_ids:
        ways.append(Host.id.in_(_ids(selection.host_ids)))
    if ALL_HOSTS in selection.label_ids:
        ways.append(_member([ALL_HOSTS]))
    groups: list[ColumnElement[bool]] = []
    if selection.label_ids:
        chosen = set(selection.label_ids)
        groups += [_member(sorted(ids)) for ids in (chosen & set(built_in), chosen - set(built_in)) if ids]
    if selection.team_ids:
        groups.append(Host.team_id.in_(_ids(selection.team_ids)))
    if groups:
        ways.append(and_(*groups))
    return and_(or_(*ways), status.visible(visible)) if ways else false()


def host_ids(session: Session, selection: Selection, visible: Visible) -> list[int]:
    """The ids of the selected hosts, each once, ascending."""
    wanted = condition(session, selection, visible)
    return list(session.scalars(select(Host.id).where(wanted).order_by(Host.id)))


def count(session: Session, selection: Selection, visible: Visible, now: datetime) -> TargetCounts:
    """How many hosts are selected, and in which state they are."""
    row = session.execute(
        select(
            func.count(),
            how_many(status.online(now)),
            how_many(status.offline(now)),
            how_many(status.missing(now)),
            how_many(status.new(now)),
        )
        .select_from(status.JOINED)
        .where(condition(session, selection, visible))
    ).one()
    return TargetCounts(*map(int, row))


def totals(session: Session, selections: Collection[Selection], visible: Visible) -> dict[Selection, int]:
    """How many hosts each of these selections holds, in a few statements for all."""
    found = dict.fromkeys(selections, 0)
    aimed = [one for one in found if one.host_ids or one.label_ids or one.team_ids]
    built_in = frozenset(_builtin(session, [label_id for one in aimed for label_id in one.label_ids]))
    for start in range(0, len(aimed), IN_ONE_PASS):
        some = aimed[start : start + IN_ONE_PASS]
        counts = (how_many(_holds(one, visible, built_in)) for one in some)
        row = session.execute(select(*counts).select_from(Host)).one()
        found |= dict(zip(some, map(int, row), strict=True))
    return found


def named(session: Session, hostnames: Sequence[str], labels: Sequence[str], visible: Visible) -> Selection:
    """The hosts and labels of these names, in any letter case; names that nothing has are passed over."""
    folded = sorted({fold(name) for name in labels if name})
    lowered = sorted({form for name in hostnames if name for form in (name, name.lower())})
    hosts = select(Host.id).where(
        or_(Host.hostname.in_(lowered), func.lower(Host.hostname).in_(lowered)),
        status.visible(visible),
    )
    return Selection(
        host_ids=list(session.scalars(hosts)) if lowered else [],
        label_ids=list(session.scalars(select(Label.id).where(Label.name_key.in_(folded)))) if folded else [],
    )


def _builtin(session: Session, label_ids: Sequence[int]) -> list[int]:
    if not label_ids:
        return []
    wanted = select(Label.id).where(Label.id.in_(_ids(label_ids)), Label.label_type == LabelType.BUILTIN)
    return list(session.scalars(wanted.order_by(Label.id)))


def _member(label_ids: Sequence[int]) -> ColumnElement[bool]:
    return exists().where(LabelMembership.host_id == Host.id, LabelMembership.label_id.in_(_ids(label_ids)))


def _ids(ids: Sequence[int]) -> BindParameter[Any]:
    """Many checked numbers, written into the statement: databases take only so many parameters."""
    return bindparam(None, sorted({int(one) for one in ids}), expanding=True, literal_execute=True, unique=True)
