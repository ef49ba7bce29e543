"""Users: who they are, which teams they see, and their passwords."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from fleet.accounts import passwords, sessions
from fleet.accounts.models import User, UserTeam
from fleet.authz.check import Actor
from fleet.errors import FleetError, Invalid, NotFound, Problem
from fleet.teams.models import Team
from fleet.teams.schemas import RoleInTeam, TeamName


class Stored(NamedTuple):
    """What a sign-in is checked against."""

    user_id: int
    password_hash: str
    sso_enabled: bool


def get(session: Session, user_id: int) -> User:
    """A user by id."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"User with id={user_id} was not found in the datastore")
    return user


def anybody(session: Session | Connection) -> bool:
    """Whether there is any user; an instance without one waits to be set up."""
    return session.execute(select(User.id).limit(1)).first() is not None


def stored_password(connection: Connection, email: str) -> Stored | None:
    """The password hash of the user with this address, in small letters."""
    row = connection.execute(
        select(User.id, User.password_hash, User.sso_enabled).where(User.email == email)
    ).one_or_none()
    return Stored(*row) if row else None


def roles(session: Session | Connection, user_id: int) -> list[RoleInTeam]:
    """The teams of a user, with the role in each."""
    rows = session.execute(
        select(Team.id, Team.name, UserTeam.role)
        .join(UserTeam, UserTeam.team_id == Team.id)
        .where(UserTeam.user_id == user_id)
        .order_by(Team.id)
    )
    return [RoleInTeam(id=row.id, name=row.name, role=row.role) for row in rows]


def available_teams(session: Session, user: User, own: Sequence[RoleInTeam]) -> list[TeamName]:
    """The teams that a user may choose from: all with a global role, else the user's own."""
    if user.global_role is None:
        return [TeamName(id=team.id, name=team.name, description="") for team in own]
    rows = session.execute(select(Team.id, Team.name, Team.description).order_by(Team.name, Team.id))
    return [TeamName(id=row.id, name=row.name, description=row.description) for row in rows]


def as_actor(user: User) -> Actor:
    """A user as the one who did something, for the activities."""
    return Actor(user.id, user.name, user.email, user.global_role)


def check_change(old: str, new: str) -> None:
    """Refuse a change of password for what can be seen without looking at the old one."""
    if not old:
        raise Invalid("Old password cannot be empty", name="old_password")
    if not new:
        raise Invalid("New password cannot be empty", name="new_password")
    wrong = passwords.problem(new, "new_password")
    if wrong is not None:
        raise Invalid([wrong])


def check_reset(user: User, new: str) -> None:
    """Refuse a forced reset that is not due, or whose password will not do."""
    if not user.force_password_reset:
        raise FleetError([], message="Permission Denied", status=403)
    wrong = passwords.problem(new, "new_password") if new else Problem("new_password", "New password cannot be empty")
    if wrong is not None:
        raise Invalid([wrong])


def set_password(session: Session, user: User, password_hash: str, *, keep_session: int) -> None:
    """Store a new password. Every other session of the user ends, so that nobody who knew the old one stays in."""
    user.password_hash = password_hash
    user.force_password_reset = False
    session.flush()
    sessions.end_all(session, user.id, but=keep_session)
