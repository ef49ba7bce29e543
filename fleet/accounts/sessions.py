"""Sessions: a sign-in and its key, of which only the digest is stored."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Delete, delete, exists, or_, select, true, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from fleet import clock, keys
from fleet.accounts.models import User, UserSession
from fleet.db.portable import batches
from fleet.errors import NotFound


def start(session: Session, user_id: int, *, key_size: int, network: str) -> str:
    """Begin a session; gives its key, which is known to nobody else from now on."""
    key = keys.random_key(key_size)
    session.add(UserSession(user_id=user_id, key_digest=keys.digest(key), network=network))
    session.flush()
    return key


def is_over(accessed_at: datetime, *, api_only: bool, duration: timedelta) -> bool:
    """Whether a session was unused for too long. Those of API-only users never end, nor any without a duration."""
    return bool(duration) and not api_only and clock.now() - accessed_at >= duration


def _live(duration: timedelta) -> ColumnElement[bool]:
    return or_(User.api_only, UserSession.accessed_at > clock.now() - duration) if duration else true()


def get(session: Session, session_id: int) -> UserSession:
    """A session by its id."""
    row = session.get(UserSession, session_id)
    if row is None:
        raise NotFound.of("Session", session_id)
    return row


def of_user(session: Session, user_id: int, duration: timedelta) -> Sequence[UserSession]:
    """The live sessions of a user, the oldest first."""
    statement = select(UserSession).join(User).where(UserSession.user_id == user_id, _live(duration))
    return session.scalars(statement.order_by(UserSession.id)).all()


def known_network(connection: Connection, email: str, network: str, duration: timedelta) -> bool:
    """Whether the user with this address has a live session that was begun from this network."""
    live = exists().where(
        User.email == email, UserSession.user_id == User.id, UserSession.network == network, _live(duration)
    )
    return bool(connection.scalar(select(live)))


def end(session: Session, session_id: int) -> None:
    """End one session."""
    session.execute(delete(UserSession).where(UserSession.id == session_id))


def end_all(session: Session, user_id: int, *, but: int = 0) -> None:
    """End the sessions of a user, all of them or all `but` one."""
    session.execute(delete(UserSession).where(UserSession.user_id == user_id, UserSession.id != but))


def write_used(connection: Connection, session_ids: Sequence[int], moment: datetime) -> None:
    """Write that sessions were used; never backwards, since another process may have seen a later use."""
    for some in batches(session_ids):
        used = update(UserSession).where(UserSession.id.in_(some), UserSession.accessed_at < moment)
        connection.execute(used.values(accessed_at=moment))


def forget(connection: Connection, session_ids: Sequence[int], duration: timedelta) -> None:
    """Delete those of these sessions that are over."""
    for some in batches(session_ids):
        connection.execute(_delete_over(duration).where(UserSession.id.in_(some)))


def forget_all(session: Session, duration: timedelta) -> None:
    """Delete every session that is over, also those whose key nobody ever tried again."""
    session.execute(_delete_over(duration))


def _delete_over(duration: timedelta) -> Delete:
    over = select(UserSession.id).join(User).where(~_live(duration))
    return delete(UserSession).where(UserSession.id.in_(over))
