"""Teams: what belongs to them."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from fleet.accounts.models import UserTeam
from fleet.authz.check import Visible
from fleet.hosts.models import Host
from fleet.teams.models import EnrollSecret, Team


def seen(session: Session, to: Visible) -> list[tuple[int, str]]:
    """Id and name of the teams that somebody sees, by name."""
    rows = session.execute(select(Team.id, Team.name).order_by(Team.name_key))
    return [(row.id, row.name) for row in rows if to.team(row.id)]


def user_counts(session: Session, team_ids: Collection[int]) -> dict[int, int]:
    """How many users each of these teams has; none: not there."""
    return _counts(session, UserTeam.team_id.expression, team_ids)


def host_counts(session: Session, team_ids: Collection[int]) -> dict[int, int]:
    """How many hosts each of these teams has; none: not there."""
    return _counts(session, Host.team_id.expression, team_ids)


def _counts(session: Session, column: ColumnElement[Any], team_ids: Collection[int]) -> dict[int, int]:
    rows = session.execute(select(column, func.count()).where(column.in_(team_ids)).group_by(column))
    return {row[0]: row[1] for row in rows}


def enroll_secrets(session: Session, team_ids: Collection[int]) -> dict[int, list[EnrollSecret]]:
    """The enroll secrets of these teams; none: not there."""
    statement = select(EnrollSecret).where(EnrollSecret.team_id.in_(team_ids))
    found: dict[int, list[EnrollSecret]] = {}
    for row in session.scalars(statement.order_by(EnrollSecret.created_at, EnrollSecret.secret)):
        found.setdefault(row.team_id or 0, []).append(row)
    return found
