"""The JSON routes of accounts."""

from fleet.accounts import login as login_
from fleet.accounts import service, sessions
from fleet.accounts.schemas import Credentials, PasswordChange, RequiredReset, SessionOut, UserOut
from fleet.authz.check import Thing
from fleet.errors import Forbidden, Unauthenticated
from fleet.extensions import db
from fleet.web import doors
from fleet.web.context import anyone, authorize, current_actor, maybe_actor, settings
from fleet.web.parsing import parse

api = doors.api("accounts", __name__)

SMALL = 64 * 1024
"""Bytes of a body that holds a few short texts."""


@api.post("/login", cap=SMALL)
def login() -> doors.Json:
    """A token for an address and a password."""
    anyone()
    user, token = login_.sign_in(parse(Credentials))
    return _with_teams(user.id) | {"token": token}


@api.post("/demologin", cap=SMALL)
def demo_login() -> doors.Json:
    """Signing in to a sandbox; this server is none."""
    anyone()
    raise Forbidden("this server is not a sandbox")


@api.post("/logout", cap=SMALL)
def logout() -> doors.Json:
    """End the session of the token."""
    anyone()
    actor = maybe_actor()
    if actor is None:
        raise Unauthenticated()
    sessions.end(db.session(), actor.session_id)
    return {}


@api.get("/me")
def me() -> doors.Json:
    """Who is asking."""
    actor = current_actor()
    authorize("read", Thing("user", user_id=actor.user_id))
    return _with_teams(actor.user_id)


@api.post("/change_password", cap=SMALL)
def change_password() -> doors.Json:
    """A new password for whoever knows the old one."""
    actor = current_actor()
    authorize("change_password", Thing("user", user_id=actor.user_id))
    change = parse(PasswordChange)
    login_.change_password(actor, change.old_password, change.new_password)
    return {}


@api.post("/perform_required_password_reset", cap=SMALL)
def perform_required_password_reset() -> doors.Json:
    """The new password of somebody who has to choose one."""
    actor = current_actor()
    authorize("change_password", Thing("user", user_id=actor.user_id))
    reset = parse(RequiredReset)
    user = login_.reset_password(actor, reset.new_password)
    db.session().refresh(user)
    return {"user": UserOut.of(user, service.roles(db.session(), user.id))}


@api.get("/sessions/<id:session_id>")
def show_session(session_id: int) -> doors.Json:
    """One session."""
    current_actor()
    row = sessions.get(db.session(), session_id)
    authorize("read", row)
    return SessionOut.of(row).model_dump()


@api.delete("/sessions/<id:session_id>")
def end_session(session_id: int) -> doors.Json:
    """End one session."""
    current_actor()
    row = sessions.get(db.session(), session_id)
    authorize("write", row)
    sessions.end(db.session(), row.id)
    return {}


@api.get("/users/<id:user_id>/sessions")
def sessions_of_user(user_id: int) -> doors.Json:
    """The sessions of a user; `null` when there are none."""
    authorize("read", Thing("session", user_id=user_id))
    user = service.get(db.session(), user_id)
    found = sessions.of_user(db.session(), user.id, settings().session.duration)
    return {"sessions": [SessionOut.of(row) for row in found] or None}


@api.delete("/users/<id:user_id>/sessions")
def end_sessions_of_user(user_id: int) -> doors.Json:
    """End all sessions of a user."""
    authorize("write", Thing("session", user_id=user_id))
    user = service.get(db.session(), user_id)
    sessions.end_all(db.session(), user.id)
    return {}


def _with_teams(user_id: int) -> dict[str, object]:
    session = db.session()
    user = service.get(session, user_id)
    own = service.roles(session, user_id)
    return {"user": UserOut.of(user, own), "available_teams": service.available_teams(session, user, own)}
