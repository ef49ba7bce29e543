"""The pages of signing in and out, and of one's own account."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet import clock
from fleet.accounts import passwords
from fleet.accounts.models import User, UserSession
from tests import factories
from tests.conftest import Client

EMAIL = "ada@example.com"
NEW = "another-horse-battery-2"


@pytest.fixture
def user(session: Session) -> User:
    factories.make_organization(session)
    user = factories.make_user(
        session, email=EMAIL, name="<b>Ada</b>", password_hash=passwords.hashed(factories.PASSWORD)
    )
    session.commit()
    return user


@pytest.fixture
def client(app: Flask, user: User) -> FlaskClient:
    return app.test_client()


def sign_in(client: FlaskClient, **values: Any) -> Any:
    return factories.submit(client, "/login", {"email": EMAIL, "password": factories.PASSWORD, **values})


def cookie_of(answer: Any) -> str:
    return next(line for line in answer.headers.getlist("Set-Cookie") if "fleet_session=" in line)


def test_whoever_is_not_signed_in_is_sent_to_the_form_and_back(client: FlaskClient) -> None:
    away = client.get("/profile?x=1")
    assert (away.status_code, away.headers["Location"]) == (302, "/login?next=/profile%3Fx%3D1")
    answer = sign_in(client, next="/profile?x=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile?x=1")
    cookie = cookie_of(answer)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie
    page = client.get("/profile").get_data(as_text=True)
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<b>Ada" not in page


def test_htmx_is_sent_away_by_a_header(client: FlaskClient) -> None:
    answer = client.get("/profile", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login?next=")


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_the_way_back_never_leaves_the_server(client: FlaskClient, target: str) -> None:
    assert sign_in(client, next=target).headers["Location"] == "/dashboard"


@pytest.mark.parametrize(
    "values",
    [
        {"password": "wrong"},
        {"email": "nobody@example.com"},
        {"email": ""},
        {"password": ""},
        {"email": "a\x00b"},
        {"password": "\x00"},
        {"email": "<script>alert(1)</script>"},
    ],
)
def test_every_bad_sign_in_says_the_same(client: FlaskClient, values: dict[str, str]) -> None:
    answer = sign_in(client, **values)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "The email address or the password is not right." in page
    assert "<script>alert" not in page
    assert factories.PASSWORD not in page


def test_the_page_of_status_messages_shows_only_known_ones(client: FlaskClient) -> None:
    assert "Single sign-on" in client.get("/login?status=account_disabled").get_data(as_text=True)
    assert "evil" not in client.get("/login?status=evil").get_data(as_text=True)


def test_too_many_attempts_are_told_with_the_time_to_wait(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.accounts.login.FAILURE_TAKES", 0.0)
    for _ in range(31):
        answer = sign_in(client, password="x")
    assert answer.status_code == 429
    assert f"Try again in {answer.headers['Retry-After']} seconds" in answer.get_data(as_text=True)


def test_a_sign_in_from_another_site_is_refused(client: FlaskClient) -> None:
    sent = {"email": EMAIL, "password": factories.PASSWORD}
    assert client.post("/login", data=sent).status_code == 403
    sent["csrf_token"] = factories.csrf_token(client, "/login")
    assert client.post("/login", data=sent, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_cookie_ends_with_its_lifetime_however_much_it_is_used(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    sign_in(client)
    cookie = client.get_cookie("fleet_session")
    assert cookie is not None and cookie.max_age == 120 * 3600
    session.execute(update(UserSession).values(created_at=clock.now() - timedelta(hours=119)))
    session.commit()
    told = re.search(r'data-session-seconds="(\d+)"', client.get("/profile").text)
    assert told and 3500 < int(told[1]) <= 3600
    session.execute(update(UserSession).values(created_at=clock.now() - timedelta(hours=120)))
    session.commit()
    assert client.get("/profile").headers["Location"].startswith("/login")
    assert Client(app.test_client(), cookie.value).get("/me").status_code == 200, "a token ends when it is not used"


@pytest.mark.parametrize("path", ["/login/denied", "/apionlyuser"])
def test_a_link_to_a_notice_signs_nobody_out(client: FlaskClient, path: str) -> None:
    sign_in(client)
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/dashboard")
    assert client.get("/profile").status_code == 200


def test_signing_out_takes_a_form_and_ends_the_session(client: FlaskClient, session: Session) -> None:
    sign_in(client)
    assert client.get("/logout").status_code == 200
    assert client.get("/profile").status_code == 200
    key = client.get_cookie("fleet_session")
    assert key is not None
    answer = factories.submit(client, "/logout", {})
    assert answer.headers["Location"] == "/login?status=ended"
    client.set_cookie("fleet_session", key.value)
    assert client.get("/profile").status_code == 302
    assert session.scalars(select(UserSession)).all() == []


def test_each_sign_in_is_a_session_of_its_own(client: FlaskClient, session: Session) -> None:
    client.set_cookie("fleet_session", "fixed-by-an-attacker")
    sign_in(client)
    first = client.get_cookie("fleet_session")
    factories.submit(client, "/logout", {}, page="/logout")
    sign_in(client)
    second = client.get_cookie("fleet_session")
    assert first is not None
    assert second is not None
    assert "fixed-by-an-attacker" != first.value != second.value


@pytest.mark.parametrize(
    ("values", "target"), [({"api_only": True}, "/apionlyuser"), ({"global_role": None}, "/login/denied")]
)
def test_those_who_may_not_see_pages_are_told_and_not_signed_in(
    client: FlaskClient, session: Session, values: dict[str, Any], target: str
) -> None:
    session.execute(update(User).values(values))
    session.commit()
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, target)
    assert client.get(target).status_code == 200
    assert session.scalars(select(UserSession)).all() == []


@pytest.mark.parametrize(
    ("values", "target"), [({"api_only": True}, "/apionlyuser"), ({"global_role": None}, "/login/denied")]
)
def test_a_session_that_lost_its_pages_is_sent_to_the_notice(
    browser: FlaskClient, session: Session, values: dict[str, Any], target: str
) -> None:
    session.execute(update(User).values(values))
    session.commit()
    assert browser.get("/profile").headers["Location"] == target
    assert browser.get("/profile", headers={"HX-Request": "true"}).headers["HX-Redirect"] == target


def test_a_forced_reset_comes_before_every_page(client: FlaskClient, session: Session) -> None:
    session.execute(update(User).values(force_password_reset=True))
    session.commit()
    assert sign_in(client).headers["Location"] == "/login/reset"
    assert client.get("/profile").headers["Location"] == "/login/reset"
    form = client.get("/login/reset")
    assert form.headers["Referrer-Policy"] == "no-referrer"
    weak = factories.submit(client, "/login/reset", {"new_password": "abc", "repeated": "abc"})
    assert weak.status_code == 422
    differing = factories.submit(client, "/login/reset", {"new_password": NEW, "repeated": NEW + "x"})
    assert "not the same" in differing.get_data(as_text=True)
    assert factories.submit(client, "/login/reset", {"new_password": NEW, "repeated": NEW}).status_code == 303
    assert client.get("/profile").status_code == 200
    assert client.get("/login/reset").status_code == 302


def test_the_password_is_changed_on_the_profile(client: FlaskClient) -> None:
    sign_in(client)
    sent = {"old_password": factories.PASSWORD, "new_password": NEW, "repeated": NEW}
    wrong = factories.submit(client, "/profile/password", sent | {"old_password": "x"})
    assert wrong.status_code == 422
    assert "old password does not match" in wrong.get_data(as_text=True)
    assert factories.submit(client, "/profile/password", sent).headers["Location"] == "/profile"
    token = factories.csrf_token(client, "/profile")
    htmx = {"HX-Request": "true", "HX-Target": "dialog"}
    again = client.post("/profile/password", data=sent | {"csrf_token": token}, headers=htmx)
    assert again.status_code == 422
    assert "<html" not in again.get_data(as_text=True)


def test_the_token_is_shown_for_the_password_alone(client: FlaskClient) -> None:
    sign_in(client)
    cookie = client.get_cookie("fleet_session")
    assert cookie is not None
    assert cookie.value not in client.get("/profile/token").get_data(as_text=True)
    wrong = factories.submit(client, "/profile/token", {"password": "x"})
    assert wrong.status_code == 422
    assert cookie.value not in wrong.get_data(as_text=True)
    right = factories.submit(client, "/profile/token", {"password": factories.PASSWORD})
    assert cookie.value in right.get_data(as_text=True).replace("&#43;", "+")
    assert right.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "fields"),
    [("/profile/token", ("password",)), ("/profile/password", ("old_password", "new_password", "repeated"))],
)
def test_whoever_finds_a_browser_open_cannot_try_all_passwords(
    client: FlaskClient, path: str, fields: tuple[str, ...]
) -> None:
    sign_in(client)
    token = factories.csrf_token(client, "/profile")
    for _ in range(21):
        answer = client.post(path, data=dict.fromkeys(fields, NEW) | {"csrf_token": token})
    assert answer.status_code == 422
    assert "Too many attempts. Try again in" in answer.get_data(as_text=True)
    right = dict.fromkeys(fields, NEW) | {fields[0]: factories.PASSWORD, "csrf_token": token}
    assert client.post(path, data=right).status_code == 422, "nor does the right one say that it is"


def test_own_sessions_are_ended_one_by_one(app: Flask, client: FlaskClient, user: User, session: Session) -> None:
    sign_in(client)
    other = app.test_client()
    other.set_cookie("fleet_session", factories.sign_in(session, user))
    stranger = factories.make_user(session)
    factories.sign_in(session, stranger)
    session.commit()
    mine, others, strangers = session.scalars(select(UserSession.id).order_by(UserSession.id)).all()
    session.rollback()
    assert factories.submit(client, f"/profile/sessions/{others}/end", {}, page="/profile").status_code == 303
    assert other.get("/profile").status_code == 302
    refused = factories.submit(client, f"/profile/sessions/{strangers}/end", {}, page="/profile")
    assert refused.status_code == 404
    last = factories.submit(client, f"/profile/sessions/{mine}/end", {}, page="/profile")
    assert last.headers["Location"] == "/login?status=ended"
    assert client.get("/profile").status_code == 302


def test_the_theme_is_kept_in_a_cookie(client: FlaskClient) -> None:
    token = factories.csrf_token(client, "/login")
    back = {"Referer": "http://localhost/login?status=ended"}
    answer = client.post("/theme", data={"theme": "dark", "csrf_token": token}, headers=back)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?status=ended")
    assert 'data-theme="dark"' in client.get("/login").get_data(as_text=True)
    away = client.post("/theme", data={"theme": "<x>", "csrf_token": token}, headers={"Referer": "https://evil/x"})
    assert away.headers["Location"] == "/dashboard"
    assert "data-theme" not in client.get("/login").get_data(as_text=True)


class TestTls:
    """Behind TLS."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_SERVER_TLS": "true"}

    def test_the_cookie_is_bound_to_the_host(self, client: FlaskClient) -> None:
        client.get("/login", base_url="https://localhost")
        token = self._token(client)
        sent = {"email": EMAIL, "password": factories.PASSWORD, "csrf_token": token}
        cookie = cookie_of(client.post("/login", data=sent, base_url="https://localhost"))
        assert cookie.startswith("__Host-fleet_session=")
        assert "Secure" in cookie
        assert "Path=/;" in cookie or cookie.endswith("Path=/")

    def test_cookies_are_never_sent_in_the_clear_not_even_if_a_proxy_says_nothing_of_tls(
        self, client: FlaskClient
    ) -> None:
        lines = client.get("/login").headers.getlist("Set-Cookie")
        assert lines and all("Secure" in line for line in lines)

    @staticmethod
    def _token(client: FlaskClient) -> str:
        page = client.get("/login", base_url="https://localhost").get_data(as_text=True)
        return page.split('name="csrf_token" value="')[1].split('"')[0]
