"""A bearer token or a cookie becomes an actor."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import g, request
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from fleet import clock, keys
from fleet.accounts import sessions
from fleet.accounts.models import User, UserSession, UserTeam
from fleet.authz.check import Actor
from fleet.runtime import Runtime
from fleet.web import cookies
from fleet.web.context import runtime, settings

USED, OVER = "session", "session_over"
"""Kinds of the batch: sessions that were used, and sessions that are to be deleted."""

TOUCH_EVERY = timedelta(minutes=1)

OPEN_IN_RESET = ("accounts_api.logout_", "accounts_api.perform_required_password_reset_")
"""Endpoints for users who must first choose a new password."""


_SESSION, _USER = UserSession.__table__.c, User.__table__.c
_OF_KEY = (
    select(_SESSION.id, _SESSION.user_id, _SESSION.created_at, _SESSION.accessed_at,
           _USER.name, _USER.email, _USER.global_role, _USER.api_only, _USER.force_password_reset)
    .join(User.__table__, _USER.id == _SESSION.user_id)
    .where(_SESSION.key_digest == bindparam("digest"))
)  # fmt: skip
"""The session of a key, with its user; made once, since every request runs it."""


def from_bearer(session: Session) -> Actor | None:
    """The actor of the request's bearer token. The cookie never counts here."""
    key = _bearer_key()
    if key is None:
        g.refusal = "Authorization header required"
        return None
    actor = actor_of(session, key)
    if actor is not None and actor.must_reset_password and not (request.endpoint or "").startswith(OPEN_IN_RESET):
        g.refusal = "password reset required"
        return None
    return actor


def _bearer_key() -> str | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key and " " not in key:
        return key
    return request.args.get("token") or None


def from_cookie(session: Session) -> Actor | None:
    """The actor of the request's session cookie."""
    key = cookie_key()
    return actor_of_cookie(session, key, extend=request.headers.get("X-Background") != "1") if key else None


def actor_of_cookie(session: Session | Connection, key: str, *, extend: bool = True) -> Actor | None:
    """The actor of a session key that came as a cookie: good for as long as a browser keeps it, counted from the
    sign-in. A thief of the cookie cannot keep it alive by using it."""
    return actor_of(session, key, extend=extend, lifetime=settings().session.duration)


def actor_of(
    session: Session | Connection, key: str, *, extend: bool = True, lifetime: timedelta = timedelta(0)
) -> Actor | None:
    """The actor of a session key; none if there is no such session, or if it is over. `extend`: this counts as use;
    `lifetime`: how long after the sign-in the key is good, however much it is used; 0: for ever."""
    row = session.execute(_OF_KEY, {"digest": keys.digest(key)}).one_or_none()
    if row is None:
        return None
    batch = runtime().batch
    accessed_at = max(row.accessed_at, batch.last(USED, row.id) or row.accessed_at)
    if sessions.is_over(accessed_at, api_only=row.api_only, duration=settings().session.duration):
        batch.seen(OVER, row.id)
        return None
    until = row.created_at + lifetime if lifetime else None
    if until is not None and clock.now() >= until:
        return None
    if extend and clock.now() - accessed_at >= TOUCH_EVERY:
        batch.seen(USED, row.id)
    team_roles: dict[int, str] = {}
    if row.global_role is None:
        teams = session.execute(select(UserTeam.team_id, UserTeam.role).where(UserTeam.user_id == row.user_id))
        team_roles = {team.team_id: team.role for team in teams}
    return Actor(
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        global_role=row.global_role,
        team_roles=team_roles,
        session_id=row.id,
        api_only=row.api_only,
        must_reset_password=row.force_password_reset,
        until=until,
    )


def cookie_name() -> str:
    """The name of the session cookie; `__Host-` where browsers allow it."""
    return "__Host-fleet_session" if cookies.secure() and cookies.path() == "/" else "fleet_session"


def cookie_key() -> str | None:
    """The session key in the request's cookie."""
    return request.cookies.get(cookie_name()) or None


def set_cookie(response: Response, key: str) -> None:
    """Sign the browser in."""
    duration = settings().session.duration
    cookies.keep(response, cookie_name(), key, seconds=int(duration.total_seconds()) or None)


def clear_cookie(response: Response) -> None:
    """Sign the browser out."""
    cookies.drop(response, cookie_name())


def install(runtime: Runtime) -> None:
    """Let the batch write when sessions were used, and delete those that are over."""
    duration = runtime.settings.session.duration

    def forget(connection: Connection, session_ids: Sequence[int], _moment: datetime) -> None:
        sessions.forget(connection, session_ids, duration)

    runtime.batch.add(USED, sessions.write_used)
    runtime.batch.add(OVER, forget)
