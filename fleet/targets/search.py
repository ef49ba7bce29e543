"""What can be picked as a target: hosts, labels and teams that a text finds."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet.accounts.models import UserTeam
from fleet.authz.check import Visible
from fleet.db.portable import contains
from fleet.hosts import listing as hosts
from fleet.hosts.listing import HostRow
from fleet.hosts.models import Host
from fleet.labels import service as labels
from fleet.labels.models import ALL_HOSTS, Label, LabelType
from fleet.names import fold
from fleet.teams.models import Team

SHORT = 2
"""Texts shorter than this list all labels."""


def find_hosts(session: Session, text: str, visible: Visible, excluded: Collection[int]) -> Sequence[HostRow]:
    """The newest hosts that a text finds."""
    return hosts.search(session, text, visible, excluded=sorted(excluded)[:10_000])


def find_labels(
    session: Session, text: str, visible: Visible, excluded: Collection[int] = ()
) -> list[tuple[Label, int]]:
    """The labels in whose names a word of the text begins a word, built-in ones first; All Hosts always. Each with
    how many of its hosts somebody sees."""
    words = fold(text).split() if len(text.strip()) >= SHORT else []
    left_out = set(excluded)
    every = [(label, count) for label, count in labels.counted(session, visible) if label.id not in left_out]
    found = [pair for pair in every if not words or _begins(fold(pair[0].name).split(), words)]
    found.sort(key=lambda pair: (pair[0].label_type != LabelType.BUILTIN, pair[0].id))
    if all(label.id != ALL_HOSTS for label, _ in found):
        found += [pair for pair in every if pair[0].id == ALL_HOSTS]
    return found


def find_teams(
    session: Session, text: str, visible: Visible, excluded: Collection[int] = ()
) -> list[tuple[Team, int, int]]:
    """The teams that a text finds, each with how many users and hosts it has."""
    users = select(func.count()).where(UserTeam.team_id == Team.id).scalar_subquery()
    members = select(func.count()).where(Host.team_id == Team.id).scalar_subquery()
    statement = select(Team, users, members).order_by(Team.id)
    if text.strip():
        statement = statement.where(contains(Team.__table__.c.name, text.strip()))
    rows, left_out = session.execute(statement), set(excluded)
    return [row for row in rows if visible.team(row[0].id) and row[0].id not in left_out]


def _begins(name: Sequence[str], words: Sequence[str]) -> bool:
    return any(part.startswith(word) for part in name for word in words)
