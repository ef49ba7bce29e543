"""How long sessions last, and what happens while a password is being checked."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet import clock, keys
from fleet.accounts import passwords, sessions
from fleet.accounts.models import User, UserSession
from fleet.cron.schedule import forget_sessions
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client

NEW = "another-horse-battery-2"


@pytest.fixture
def user(session: Session) -> User:
    factories.make_organization(session)
    user = factories.make_user(session, password_hash=passwords.hashed(factories.PASSWORD))
    session.commit()
    return user


def signed_in(app: Flask, session: Session, user: User, *, unused: timedelta = timedelta(0)) -> Client:
    token = factories.sign_in(session, user)
    row = session.scalars(select(UserSession).where(UserSession.key_digest == keys.digest(token))).one()
    row.accessed_at = row.created_at = clock.now() - unused
    session.commit()
    return Client(app.test_client(), token)


def how_many(session: Session) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(UserSession)) or 0


def test_the_clock_leaves_the_sessions_of_api_only_users(
    app: Flask, session: Session, runtime: Runtime, user: User
) -> None:
    program = factories.make_user(session, global_role="gitops", api_only=True)
    kept = signed_in(app, session, program, unused=timedelta(days=900))
    signed_in(app, session, user, unused=timedelta(days=900))
    forget_sessions(session, runtime)
    session.commit()
    assert how_many(session) == 1
    assert kept.get("/version").status_code == 200


def test_sessions_that_are_over_are_not_listed(app: Flask, session: Session, user: User) -> None:
    signed_in(app, session, user, unused=timedelta(hours=121))
    client = signed_in(app, session, user)
    listed = client.get(f"/users/{user.id}/sessions").get_json()["sessions"]
    assert [one["session_id"] for one in listed] == [2]


def test_a_network_is_known_only_as_long_as_its_session_lives(session: Session, user: User, runtime: Runtime) -> None:
    day = timedelta(days=1)
    sessions.start(session, user.id, key_size=64, network="198.51.100.1")
    session.commit()
    with runtime.engine.connect() as connection:
        assert sessions.known_network(connection, user.email, "198.51.100.1", day)
        assert not sessions.known_network(connection, user.email, "198.51.100.2", day)
        assert not sessions.known_network(connection, "other@example.com", "198.51.100.1", day)
        assert not sessions.known_network(connection, user.email, "198.51.100.1", timedelta(microseconds=1))


def test_an_earlier_use_does_not_overwrite_a_later_one(app: Flask, session: Session, user: User) -> None:
    signed_in(app, session, user)
    later, earlier = clock.now() + timedelta(minutes=2), clock.now() + timedelta(minutes=1)
    for moment in (later, earlier):
        sessions.write_used(session.connection(), [1], moment)
    assert session.scalars(select(UserSession.accessed_at)).one() == later
    session.rollback()


class TestForEver:
    """Where sessions have no end."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_SESSION_DURATION": "0"}

    def test_a_session_is_good_however_long_it_was_unused(
        self, app: Flask, session: Session, runtime: Runtime, user: User
    ) -> None:
        client = signed_in(app, session, user, unused=timedelta(days=900))
        forget_sessions(session, runtime)
        session.commit()
        assert client.get(f"/users/{user.id}/sessions").get_json()["sessions"] is not None
        client.flask.set_cookie("fleet_session", client.token or "")
        assert client.flask.get("/profile").status_code == 200


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch, session: Session, user: User) -> Any:
    """Somebody else changes the password of the user while a given step is at work."""

    def during(step: str) -> None:
        real = getattr(passwords, step)

        def slow(*arguments: Any) -> Any:
            result = real(*arguments)
            user.password_hash = "changed meanwhile"
            session.commit()
            return result

        monkeypatch.setattr(passwords, step, slow)

    return during


def test_a_password_that_was_changed_while_it_was_checked_signs_nobody_in(
    app: Flask, session: Session, user: User, meanwhile: Any
) -> None:
    meanwhile("verify")
    sent = {"email": user.email, "password": factories.PASSWORD}
    assert Client(app.test_client()).post("/login", sent).status_code == 401
    assert how_many(session) == 0


def test_of_two_changes_of_a_password_at_once_the_second_is_refused(
    app: Flask, session: Session, user: User, meanwhile: Any
) -> None:
    client = signed_in(app, session, user)
    meanwhile("hashed")
    answer = client.post("/change_password", {"old_password": factories.PASSWORD, "new_password": NEW})
    assert (answer.status_code, answer.get_json()["errors"][0]["name"]) == (422, "old_password")
    session.refresh(user)
    assert user.password_hash == "changed meanwhile"
