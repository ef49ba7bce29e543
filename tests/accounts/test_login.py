"""Signing in and out over the API, and what the limits let through."""

import gzip
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet import clock, keys
from fleet.accounts import passwords
from fleet.accounts.models import User, UserSession
from fleet.activities.models import Activity
from fleet.cron.schedule import forget_sessions
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client, client_of

EMAIL = "ada@example.com"


@pytest.fixture
def user(session: Session) -> User:
    factories.make_organization(session)
    hashed = passwords.hashed(factories.PASSWORD)
    user = factories.make_user(session, email=EMAIL, name="Ada", password_hash=hashed)
    session.commit()
    return user


@pytest.fixture
def anyone(app: Flask, user: User) -> Client:
    return Client(app.test_client())


def login(client: Client, *, email: Any = EMAIL, password: Any = factories.PASSWORD, **options: Any) -> Any:
    return client.post("/login", {"email": email, "password": password}, **options)


def from_address(address: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": address}}


def test_sign_in_gives_user_teams_and_token(anyone: Client, session: Session) -> None:
    factories.make_team(session, "Workstations", description="desks")
    session.commit()
    body = login(anyone, email="ADA@Example.com").get_json()
    assert set(body) == {"user", "available_teams", "token"}
    assert body["available_teams"] == [{"id": 1, "name": "Workstations", "description": "desks"}]
    assert set(body["user"]) == {
        "created_at", "updated_at", "id", "name", "email", "force_password_reset", "gravatar_url", "sso_enabled",
        "global_role", "api_only", "teams",
    }  # fmt: skip
    me = Client(anyone.flask, body["token"]).get("/me").get_json()
    assert me == {key: body[key] for key in ("user", "available_teams")}
    assert "password" not in str(body).replace("force_password_reset", "")


def test_a_team_user_sees_the_own_teams(app: Flask, session: Session) -> None:
    team = factories.make_team(session, "Workstations", description="desks")
    factories.make_team(session, "Servers")
    team_id = team.id
    session.commit()
    me = client_of(app, team_roles={team_id: "observer"}).get("/me").get_json()
    assert me["available_teams"] == [{"id": team_id, "name": "Workstations", "description": ""}]
    [own] = me["user"]["teams"]
    assert (own["name"], own["role"], own["created_at"]) == ("Workstations", "observer", "0001-01-01T00:00:00Z")
    assert own["features"] == {"enable_host_users": False, "enable_software_inventory": False}
    assert set(own) == {
        "id", "created_at", "name", "description", "webhook_settings", "integrations", "features", "mdm",
        "user_count", "host_count", "role",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"email": EMAIL, "password": "wrong"},
        {"email": "nobody@example.com", "password": factories.PASSWORD},
        {"email": EMAIL},
        {"password": factories.PASSWORD},
        {},
        None,
        {"email": None, "password": None},
        {"email": EMAIL, "password": factories.PASSWORD + " "},
        {"email": EMAIL, "password": "x" * 20_000},
        {"email": "<script>" * 2_000, "password": "x"},
    ],
)
def test_every_failure_has_the_same_answer_and_takes_a_second(anyone: Client, session: Session, body: Any) -> None:
    started = time.monotonic()
    answer = anyone.flask.post("/api/latest/fleet/login", data=json.dumps(body))
    assert time.monotonic() - started >= 1
    assert answer.status_code == 401
    assert answer.get_json()["errors"] == [{"name": "base", "reason": "Authentication failed"}]
    failed = session.scalars(select(Activity)).one()
    assert (failed.activity_type, failed.user_id) == ("user_failed_login", None)
    assert session.scalar(select(func.count()).select_from(UserSession)) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"email": 5}', b'{"password": ["x"]}', b'{"email": "\\ud800"}', b'{"email": {}}', b"[" * 9999],
)
def test_what_cannot_be_read_is_a_bad_request(anyone: Client, body: bytes) -> None:
    assert anyone.flask.post("/api/latest/fleet/login", data=body).status_code == 400


@pytest.mark.parametrize("path", ["/change_password", "/perform_required_password_reset", "/spec/enroll_secret"])
def test_nobody_learns_how_a_body_is_read_before_being_let_in(anyone: Client, path: str) -> None:
    for body in (b"", b"{", b'{"spec": 7, "new_password": 7}', b'{"spec": {}}'):
        assert anyone.call("POST", path, data=body).status_code == 401


def test_a_nul_character_is_named(anyone: Client) -> None:
    answer = login(anyone, email="a\x00b")
    assert (answer.status_code, answer.get_json()["errors"][0]["name"]) == (422, "email")


def test_large_bodies_are_refused(anyone: Client) -> None:
    url = "/api/latest/fleet/login"
    for size in ((64 << 10) + 1, 10 << 20):
        assert anyone.flask.post(url, data=b" " * size).status_code == 413
    bomb = gzip.compress(b" " * (65 << 10))
    assert anyone.flask.post(url, data=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413


def test_json_sent_as_a_form_is_read_as_json(anyone: Client) -> None:
    body = f'{{"email": "{EMAIL}", "password": "{factories.PASSWORD}"}}'
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert anyone.flask.post("/api/latest/fleet/login", data=body, headers=headers).status_code == 200


def test_a_sso_user_does_not_sign_in_with_a_password(anyone: Client, session: Session) -> None:
    hashed = passwords.hashed(factories.PASSWORD)
    factories.make_user(session, email="sso@example.com", password_hash=hashed, sso_enabled=True)
    session.commit()
    assert login(anyone, email="sso@example.com").status_code == 401


def test_logout_ends_the_session(anyone: Client) -> None:
    signed_in = Client(anyone.flask, login(anyone).get_json()["token"])
    assert signed_in.post("/logout").get_json() == {}
    assert signed_in.get("/me").status_code == 401
    again = signed_in.post("/logout")
    assert (again.status_code, again.get_json()["message"]) == (401, "Authentication required")
    assert anyone.post("/logout").get_json()["message"] == "Authentication required"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Authorization header required"),
        ("Basic YTpi", "Authorization header required"),
        ("Bearer a b", "Authorization header required"),
        ("Bearer", "Authorization header required"),
        ("Bearer ", "Authorization header required"),
        ("Bearer bm90IGEgdG9rZW4=", "Authentication required"),
        ("Bearer \udcff", "Authentication required"),
    ],
)
def test_a_token_that_will_not_do_is_refused(anyone: Client, header: str | None, message: str) -> None:
    headers = {"Authorization": header} if header else {}
    if header and not header.isascii():
        headers["Authorization"] = "Bearer \xff"
    answer = anyone.get("/me", headers=headers)
    assert (answer.status_code, answer.get_json()["message"]) == (401, message)


def test_the_scheme_is_read_in_any_case_and_the_token_in_the_query(anyone: Client) -> None:
    token = login(anyone).get_json()["token"]
    assert anyone.get("/me", headers={"Authorization": f"bEaReR {token}"}).status_code == 200
    assert anyone.get("/me", query_string={"token": token}).status_code == 200


def test_the_cookie_never_counts_for_the_api(anyone: Client) -> None:
    token = login(anyone).get_json()["token"]
    anyone.flask.set_cookie("fleet_session", token)
    assert anyone.get("/me").status_code == 401


def test_a_forced_reset_shuts_all_but_logout_and_the_reset(app: Flask, session: Session) -> None:
    client = client_of(app, global_role="admin")
    session.execute(User.__table__.update().values(force_password_reset=True))
    session.commit()
    for path in ("/me", "/config", "/version", "/users/1/sessions"):
        assert client.get(path).get_json()["message"] == "password reset required"
    assert client.post("/change_password", {"old_password": "x", "new_password": "y"}).status_code == 401
    assert client.post("/logout").status_code == 200


# Sessions


def make_older(session: Session, by: timedelta) -> None:
    session.execute(UserSession.__table__.update().values(accessed_at=clock.now() - by))
    session.commit()


def test_an_unused_session_ends_and_is_deleted(anyone: Client, session: Session, runtime: Runtime) -> None:
    client = Client(anyone.flask, login(anyone).get_json()["token"])
    make_older(session, timedelta(hours=119))
    assert client.get("/me").status_code == 200
    runtime.batch.flush()
    make_older(session, timedelta(hours=120))
    assert client.get("/me").status_code == 401
    runtime.batch.flush()
    assert session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_use_extends_a_session_unless_it_is_in_the_background(browser: Any, session: Session, runtime: Runtime) -> None:
    def last_used() -> Any:
        runtime.batch.flush()
        moment = session.scalars(select(UserSession.accessed_at)).one()
        session.rollback()
        return moment

    make_older(session, timedelta(hours=1))
    before = last_used()
    browser.get("/profile", headers={"X-Background": "1"})
    assert last_used() == before
    browser.get("/profile")
    first = last_used()
    assert clock.now() - first < timedelta(seconds=30)
    browser.get("/profile")
    assert last_used() == first, "written at most once a minute"


def test_sessions_that_nobody_tries_again_are_deleted_by_the_clock(
    app: Flask, session: Session, runtime: Runtime
) -> None:
    client_of(app, global_role="admin")
    make_older(session, timedelta(hours=119))
    client_of(app, global_role="observer")
    make_older(session, timedelta(hours=121))
    client_of(app, global_role="maintainer")
    forget_sessions(session, runtime)
    assert session.scalar(select(func.count()).select_from(UserSession)) == 1
    session.commit()


def test_the_session_of_an_api_only_user_never_ends(app: Flask, session: Session) -> None:
    client = client_of(app, global_role="gitops")
    session.execute(User.__table__.update().values(api_only=True))
    make_older(session, timedelta(days=900))
    assert client.get("/me").status_code == 200


def test_only_digests_of_keys_are_stored(anyone: Client, session: Session) -> None:
    token = login(anyone).get_json()["token"]
    assert session.scalars(select(UserSession.key_digest)).all() == [keys.digest(token)]


def test_sessions_are_listed_shown_and_ended(anyone: Client, user: User, app: Flask, session: Session) -> None:
    user_id = user.id
    first, second = (Client(anyone.flask, login(anyone).get_json()["token"]) for _ in range(2))
    listed = first.get(f"/users/{user_id}/sessions").get_json()["sessions"]
    assert [set(one) for one in listed] == [{"session_id", "user_id", "created_at"}] * 2
    shown = first.get(f"/sessions/{listed[0]['session_id']}").get_json()
    assert shown == listed[0]
    other = client_of(app, global_role="maintainer")
    for method in ("GET", "DELETE"):
        assert other.call(method, f"/sessions/{listed[1]['session_id']}").status_code == 403
        assert other.call(method, f"/users/{user_id}/sessions").status_code == 403
    assert first.delete(f"/sessions/{listed[1]['session_id']}").get_json() == {}
    assert second.get("/me").status_code == 401
    for method, path in (("GET", "/sessions/999"), ("DELETE", "/sessions/999"), ("GET", "/users/999/sessions"),
                         ("DELETE", "/users/999/sessions")):  # fmt: skip
        assert first.call(method, path).status_code == 404
    assert first.get(f"/sessions/{2**63}").status_code == 400
    assert first.delete(f"/users/{user_id}/sessions").get_json() == {}
    assert first.get("/me").status_code == 401


def test_a_user_without_sessions_has_null(admin: Client, user: User) -> None:
    assert admin.get(f"/users/{user.id}/sessions").get_json() == {"sessions": None}


# Passwords


def test_a_change_of_password_ends_the_other_sessions(anyone: Client) -> None:
    mine, other = (Client(anyone.flask, login(anyone).get_json()["token"]) for _ in range(2))
    new = "another-horse-battery-2"
    assert mine.post("/change_password", {"old_password": factories.PASSWORD, "new_password": new}).get_json() == {}
    assert mine.get("/me").status_code == 200
    assert other.get("/me").status_code == 401
    assert login(anyone).status_code == 401
    assert login(anyone, password=new).status_code == 200


@pytest.mark.parametrize(
    ("old", "new", "name", "reason"),
    [
        (None, "x", "old_password", "Old password cannot be empty"),
        ("x", None, "new_password", "New password cannot be empty"),
        ("x", "abc", "new_password", passwords.RULE),
        ("x", "1!" * 600, "new_password", passwords.TOO_LONG),
        ("x", "another-horse-battery-2", "old_password", "old password does not match"),
        (factories.PASSWORD, factories.PASSWORD, "new_password", "Cannot reuse old password"),
    ],
)
def test_a_change_of_password_says_what_is_wrong(
    anyone: Client, old: str | None, new: str | None, name: str, reason: str
) -> None:
    client = Client(anyone.flask, login(anyone).get_json()["token"])
    answer = client.post("/change_password", {"old_password": old, "new_password": new})
    assert answer.status_code == 422
    assert answer.get_json()["errors"] == [{"name": name, "reason": reason}]
    assert login(anyone).status_code == 200


def test_a_required_reset_is_performed_once(anyone: Client, session: Session) -> None:
    client, other = (Client(anyone.flask, login(anyone).get_json()["token"]) for _ in range(2))
    session.execute(User.__table__.update().values(force_password_reset=True))
    session.commit()
    path, new = "/perform_required_password_reset", "another-horse-battery-2"
    weak = client.post(path, {"new_password": "abc"})
    assert weak.get_json()["errors"] == [{"name": "new_password", "reason": passwords.RULE}]
    reused = client.post(path, {"new_password": factories.PASSWORD})
    assert reused.get_json()["errors"][0]["reason"] == "Cannot reuse old password"
    done = client.post(path, {"new_password": new})
    assert done.get_json()["user"]["force_password_reset"] is False
    assert client.get("/me").status_code == 200
    assert other.get("/me").status_code == 401
    again = client.post(path, {"new_password": "yet-another-battery-3"})
    assert (again.status_code, again.get_json()["message"]) == (403, "Permission Denied")
    assert "errors" not in again.get_json()
    assert anyone.post(path, {"new_password": new}).status_code == 401


# Limits


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are answered at once."""
    monkeypatch.setattr("fleet.accounts.login.FAILURE_TAKES", 0.0)


def test_many_failures_from_one_address_stop_that_address_alone(anyone: Client, quick: None) -> None:
    there = from_address("203.0.113.7")
    for _ in range(100):
        answer = login(anyone, email="nobody@example.com", **there)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"].isdigit()
    assert answer.get_json()["message"].startswith("limit exceeded, retry after: ")
    assert login(anyone, **there).status_code == 429
    assert login(anyone, **from_address("203.0.113.8")).status_code == 200


def test_a_forged_forwarding_header_does_not_reset_the_limit(anyone: Client, quick: None) -> None:
    for number in range(40):
        answer = login(anyone, password="x", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert answer.status_code == 429


def test_an_ipv6_network_is_one_address(anyone: Client, quick: None) -> None:
    for number in range(40):
        answer = login(anyone, password="x", **from_address(f"2001:db8::{number:x}"))
    assert answer.status_code == 429


def test_failures_elsewhere_do_not_lock_the_owner_out(anyone: Client, quick: None) -> None:
    home = from_address("198.51.100.1")
    assert login(anyone, **home).status_code == 200
    for number in range(40):
        attack = login(anyone, password="x", **from_address(f"203.0.113.{number}"))
    assert attack.status_code == 429
    assert login(anyone, **home).status_code == 200
    assert login(anyone, **from_address("203.0.113.200")).status_code == 429, "the account is closed elsewhere"


def test_a_stolen_session_cannot_try_all_passwords(anyone: Client, quick: None) -> None:
    client = Client(anyone.flask, login(anyone).get_json()["token"])
    sent = {"old_password": "x", "new_password": "another-horse-battery-2"}
    codes = {client.post("/change_password", sent).status_code for _ in range(25)}
    assert codes == {422, 429}


def test_no_secret_reaches_the_log(anyone: Client, caplog: pytest.LogCaptureFixture, quick: None) -> None:
    caplog.set_level("DEBUG")
    token = login(anyone).get_json()["token"]
    login(anyone, password="wrong-Secret-77!")
    Client(anyone.flask, token).get("/me")
    anyone.get("/me", query_string={"token": token})
    lines = "".join(f"{record.getMessage()} {getattr(record, 'fields', '')}" for record in caplog.records)
    for secret in (token, factories.PASSWORD, "wrong-Secret-77!"):
        assert secret not in lines
