"""Setting up over the API: all of it or nothing, and every fault named."""

import gzip
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet import keys
from fleet.accounts.models import User, UserSession
from fleet.activities.models import Activity
from fleet.app_config.models import AppConfigRow
from fleet.teams.models import EnrollSecret

GOOD: dict[str, Any] = {
    "admin": {
        "admin": True,
        "email": "Ada@Example.com",
        "name": "Ada",
        "password": "analytical engine 1!",
        "password_confirmation": "analytical engine 1!",
    },
    "org_info": {"org_name": "Engines"},
    "server_url": "https://fleet.example.com",
}


def changed(**values: Any) -> dict[str, Any]:
    """The good request with other parts; `admin` is merged."""
    admin = values.pop("admin", {})
    return {**GOOD, "admin": {**GOOD["admin"], **admin} if isinstance(admin, dict) else admin, **values}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def nothing_is_stored(session: Session) -> bool:
    tables = (User, UserSession, Activity, AppConfigRow, EnrollSecret)
    return not any(session.scalar(select(func.count()).select_from(table)) for table in tables)


def names(answer: Any) -> set[str]:
    return {problem["name"] for problem in answer.get_json()["errors"]}


def test_setup_answers_with_the_admin_and_a_token(client: FlaskClient, session: Session) -> None:
    answer = client.post("/api/v1/setup", json=GOOD)
    assert answer.status_code == 200
    body = answer.get_json()
    assert body["admin"]["email"] == "ada@example.com"
    assert body["admin"]["global_role"] == "admin"
    assert body["admin"]["created_at"] == "0001-01-01T00:00:00Z"
    assert "position" not in body["admin"]
    assert body["org_info"] == {
        "org_name": "Engines", "org_logo_url": "", "org_logo_url_light_background": "", "contact_url": "",
    }  # fmt: skip
    assert body["server_url"] == "https://fleet.example.com"
    assert body["osquery_enroll_secret"] is None
    me = client.get("/api/latest/fleet/me", headers={"Authorization": f"Bearer {body['token']}"})
    assert me.get_json()["user"]["name"] == "Ada"
    kinds = session.scalars(select(Activity.activity_type).order_by(Activity.id)).all()
    assert kinds == ["created_user", "changed_user_global_role", "user_logged_in"]
    assert session.scalar(select(func.count()).select_from(EnrollSecret)) == 1


def test_setup_is_gone_once_done(client: FlaskClient) -> None:
    assert client.post("/api/setup", json=GOOD).status_code == 200
    for path in ("/api/v1/setup", "/api/setup"):
        answer = client.post(path, json=GOOD)
        assert answer.status_code == 404
        assert answer.get_data(as_text=True) == "404 page not found\n"
        assert answer.content_type == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"server_url"}),
        (changed(server_url=None), {"server_url"}),
        (changed(server_url="http://fleet.example.com"), {"server_url"}),
        (changed(server_url="ftp://localhost"), {"server_url"}),
        (changed(server_url="https://"), {"server_url"}),
        (changed(server_url="https://[::1"), {"server_url"}),
        (changed(server_url="https://a b"), {"server_url"}),
        (changed(server_url="https://x:99999"), {"server_url"}),
        (changed(server_url="https://" + "x" * 300), {"server_url"}),
        (changed(server_url="https://user:secret@fleet.example.com"), {"server_url"}),
        (changed(admin=None), {"admin"}),
        (changed(admin={"name": None}), {"name"}),
        (changed(admin={"name": " "}), {"name"}),
        (changed(admin={"name": "x" * 256}), {"name"}),
        (changed(admin={"email": ""}), {"email"}),
        (changed(admin={"email": None}), {"email"}),
        (changed(admin={"email": "ada"}), {"email"}),
        (changed(admin={"email": "ada@x@y"}), {"email"}),
        (changed(admin={"email": "<ada@example.com>"}), {"email"}),
        (changed(admin={"email": "x" * 250 + "@example.com"}), {"email"}),
        (changed(admin={"password": ""}), {"password"}),
        (changed(admin={"password": None}), {"password"}),
        (changed(admin={"password": "short1!"}), {"password"}),
        (changed(admin={"password": "no digit at all!"}), {"password"}),
        (changed(admin={"password": "nosymbolatall1"}), {"password"}),
        (changed(admin={"password": "1!" * 513}), {"password"}),
        (changed(admin={"name": None, "email": "", "password": ""}), {"name", "email", "password"}),
        (changed(org_info={"org_name": "x" * 256}), {"org_name"}),
        (changed(org_info={"org_logo_url": "javascript:alert(1)"}), {"org_logo_url"}),
        (changed(org_info={"org_logo_url": "https://x; script-src *"}), {"org_logo_url"}),
        (changed(admin={"name": "a\x00b"}), {"name"}),
        (changed(org_info={"org_name": "a\x00b"}), {"org_name"}),
    ],
)
def test_what_cannot_be_set_up_is_named_and_leaves_nothing(
    client: FlaskClient, session: Session, body: Any, wrong: set[str]
) -> None:
    answer = client.post("/api/v1/setup", json=body)
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert answer.get_json()["message"] == "Validation Failed"
    assert names(answer) == wrong
    assert nothing_is_stored(session)


def test_a_missing_address_is_told_in_the_words_that_clients_know(client: FlaskClient) -> None:
    assert client.post("/api/v1/setup", json={}).get_json()["errors"] == [
        {"name": "server_url", "reason": "missing required argument"},
        {"name": "server_url", "reason": "url scheme must be https"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"7",
        b"\xff\xfe",
        b'{"admin": 7, "server_url": "https://x"}',
        b'{"admin": [], "server_url": "https://x"}',
        b'{"admin": {"email": 7}, "server_url": "https://x"}',
        b'{"admin": {"name": {}}, "server_url": "https://x"}',
        b'{"admin": {"password": true}, "server_url": "https://x"}',
        b'{"org_info": "x", "server_url": "https://x"}',
        b'{"org_info": {"org_name": 1e999}, "server_url": "https://x"}',
        b'{"server_url": ["https://x"]}',
        b'{"server_url": "\\ud800"}',
        b"[" * 20_000,
    ],
)
def test_what_cannot_be_read_is_a_bad_request(client: FlaskClient, session: Session, body: bytes) -> None:
    answer = client.post("/api/v1/setup", data=body)
    assert answer.status_code == 400
    assert answer.get_json()["message"] == "Bad request"
    assert nothing_is_stored(session)


def test_large_bodies_are_refused(client: FlaskClient, session: Session) -> None:
    assert client.post("/api/v1/setup", data=b" " * (10 << 20)).status_code == 413
    bomb = gzip.compress(b" " * (50 << 20))
    assert client.post("/api/v1/setup", data=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
    broken = client.post("/api/v1/setup", data=b"not gzip", headers={"Content-Encoding": "gzip"})
    assert broken.status_code == 400
    assert nothing_is_stored(session)


def test_the_sender_does_not_choose_role_or_kind_of_sign_in(client: FlaskClient, session: Session) -> None:
    more = {"global_role": None, "api_only": True, "sso_enabled": True, "teams": [{"id": 1, "role": "observer"}]}
    assert client.post("/api/v1/setup", json=changed(admin=more)).status_code == 200
    user = session.scalars(select(User)).one()
    assert (user.global_role, user.api_only, user.sso_enabled) == ("admin", False, False)


def test_a_password_of_128_characters_works(client: FlaskClient) -> None:
    password = "1!ü" + "x" * 125
    body = changed(admin={"password": password})
    assert client.post("/api/v1/setup", json=body).status_code == 200
    login = {"email": "ada@example.com", "password": password}
    assert client.post("/api/latest/fleet/login", json=login).status_code == 200
    login["password"] = password[:-1]
    assert client.post("/api/latest/fleet/login", json=login).status_code == 401


def test_localhost_may_be_without_tls(client: FlaskClient) -> None:
    assert client.post("/api/v1/setup", json=changed(server_url="http://localhost:8080")).status_code == 200


def test_neither_password_nor_session_key_is_stored(client: FlaskClient, session: Session) -> None:
    token = client.post("/api/v1/setup", json=GOOD).get_json()["token"]
    user, row = session.scalars(select(User)).one(), session.scalars(select(UserSession)).one()
    assert user.password_hash.startswith("$argon2id$")
    assert row.key_digest == keys.digest(token)
    assert len(token) == 88


def test_of_two_setups_at_once_one_wins(app: Flask, session: Session) -> None:
    answers: list[int] = []

    def post(body: dict[str, Any]) -> None:
        answers.append(app.test_client().post("/api/v1/setup", json=body).status_code)

    bodies = [changed(admin={"email": f"admin{number}@example.com"}) for number in range(4)]
    threads = [threading.Thread(target=post, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 404, 404, 404]
    assert session.scalar(select(func.count()).select_from(User)) == 1
    assert session.scalar(select(func.count()).select_from(EnrollSecret)) == 1


class TestFixedSecret:
    """With an enroll secret in the settings."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_PACKAGING_GLOBAL_ENROLL_SECRET": "fixed-by-settings"}

    def test_the_secret_of_the_settings_is_the_one(self, client: FlaskClient, session: Session) -> None:
        assert client.post("/api/v1/setup", json=GOOD).status_code == 200
        assert session.scalars(select(EnrollSecret.secret)).all() == ["fixed-by-settings"]
