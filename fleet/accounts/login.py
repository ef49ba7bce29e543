"""Signing in with a password, for the API and the page alike: limits, equal work for every failure, one answer."""

import logging
import threading
import time
from contextlib import suppress
from typing import NoReturn

from sqlalchemy.orm import Session

from fleet import keys
from fleet.accounts import passwords, service, sessions
from fleet.accounts.models import User
from fleet.accounts.schemas import Credentials
from fleet.activities import service as activities
from fleet.authz.check import Actor
from fleet.db.engine import reading
from fleet.errors import Invalid, TooManyRequests, Unauthenticated
from fleet.extensions import db
from fleet.web.context import client_address, network_of, runtime, settings
from fleet.web.limits import LOGIN_FAILURES_PER_ACCOUNT, LOGIN_PER_NETWORK

log = logging.getLogger(__name__)

FAILURE_TAKES = 1.0
"""Seconds until a failed sign-in is answered."""

_waiters = threading.BoundedSemaphore(8)  # more failures at once are answered early; they must not use up all threads


def let_go() -> None:
    """Hold no transaction while a password is hashed: on SQLite it would keep everybody else from writing."""
    db.session().rollback()


def sign_in(sent: Credentials) -> tuple[User, str]:
    """The user and the key of a new session; `Unauthenticated` for whatever is wrong with the credentials.

    Limits stand per network and per account. The account's limit is a bucket of its own for each network that
    the account is signed in from, so that failures elsewhere never lock the owner out.
    """
    let_go()
    started = time.monotonic()
    email = sent.email.strip().lower()
    address = client_address()
    network = network_of(address)
    limits = runtime().limits
    limits.count(LOGIN_PER_NETWORK, "login", network)
    with reading(runtime().engine) as connection:
        stored = service.stored_password(connection, email)
        known = sessions.known_network(connection, email, network, settings().session.duration)
    bucket = ("login-account", keys.digest(email), network if known else "elsewhere")
    limits.check(LOGIN_FAILURES_PER_ACCOUNT, *bucket)
    right = passwords.verify(stored.password_hash if stored else None, sent.password)
    session = db.session()
    # Looked up again, since the password may have been changed while it was checked.
    user = session.get(User, stored.user_id) if stored and right and not stored.sso_enabled else None
    if user is None or stored is None or user.password_hash != stored.password_hash:
        let_go()
        with suppress(TooManyRequests):
            limits.count(LOGIN_FAILURES_PER_ACCOUNT, *bucket)
        _refuse(email, address, started)
    return user, begin_session(session, user)


def begin_session(session: Session, user: User) -> str:
    """A session for somebody who has proved who they are; gives its key."""
    address = client_address()
    key = sessions.start(session, user.id, key_size=settings().session.key_size, network=network_of(address))
    activities.record(session, service.as_actor(user), "user_logged_in", {"public_ip": address})
    return key


def change_password(actor: Actor, old: str, new: str) -> None:
    """Give the actor a new password; every other session of the same user ends."""
    user = service.get(db.session(), actor.user_id)
    if user.sso_enabled:
        raise Invalid("not allowed for SSO users", name="new_password")
    service.check_change(old, new)
    stored = user.password_hash
    check_password(actor, stored, old, "old_password")
    if old == new:
        raise Invalid("Cannot reuse old password", name="new_password")
    _set_password(actor, stored, new)


def reset_password(actor: Actor, new: str) -> User:
    """The new password of somebody who has to choose one."""
    user = service.get(db.session(), actor.user_id)
    service.check_reset(user, new)
    stored = user.password_hash
    let_go()
    if passwords.verify(stored, new):
        raise Invalid("Cannot reuse old password", name="new_password")
    return _set_password(actor, stored, new)


def check_password(actor: Actor, stored: str, password: str, name: str) -> None:
    """Go on only with the actor's own password; counted, because whoever holds a session could try them all."""
    let_go()
    bucket = ("own-password", str(actor.user_id))
    runtime().limits.check(LOGIN_FAILURES_PER_ACCOUNT, *bucket)
    if not passwords.verify(stored, password):
        runtime().limits.count(LOGIN_FAILURES_PER_ACCOUNT, *bucket)
        raise Invalid("old password does not match" if name == "old_password" else "wrong password", name=name)


def _set_password(actor: Actor, stored: str, new: str) -> User:
    let_go()
    hashed = passwords.hashed(new)
    session = db.session()
    user = service.get(session, actor.user_id)
    if user.password_hash != stored:
        raise Invalid("old password does not match", name="old_password")
    service.set_password(session, user, hashed, keep_session=actor.session_id)
    return user


def _refuse(email: str, address: str, started: float) -> NoReturn:
    with Session(runtime().engine) as own, own.begin():
        activities.record(own, None, "user_failed_login", {"email": email[:255], "public_ip": address})
    log.warning("login failed", extra={"fields": {"public_ip": address}})
    if _waiters.acquire(blocking=False):
        try:
            time.sleep(max(0.0, FAILURE_TAKES - (time.monotonic() - started)))
        finally:
            _waiters.release()
    raise Unauthenticated("Authentication failed")
