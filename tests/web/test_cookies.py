"""Cookies are for this server alone, and `Secure` whenever the browser came by TLS."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from fleet.accounts import passwords
from tests import factories

EMAIL = "ada@example.com"
TLS = {"X-Forwarded-Proto": "https"}
PROXY, STRANGER = {"REMOTE_ADDR": "10.1.2.3"}, {"REMOTE_ADDR": "203.0.113.7"}


@pytest.fixture
def environment() -> dict[str, str]:
    return {"FLEET_SERVER_TLS": "false", "FLEET_SERVER_TRUSTED_PROXIES": "10.0.0.0/8"}


@pytest.fixture
def client(app: Flask, session: Session) -> FlaskClient:
    factories.make_organization(session)
    factories.make_user(session, email=EMAIL, password_hash=passwords.hashed(factories.PASSWORD))
    session.commit()
    return app.test_client(use_cookies=False)


def sign_in(client: FlaskClient, prefix: str = "", **options: Any) -> dict[str, str]:
    """Sign in and choose a theme; gives the cookies that were set, by name, as they were set."""
    page = client.get(f"{prefix}/login", **options)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    held = {"Cookie": "; ".join(line.partition(";")[0] for line in page.headers.getlist("Set-Cookie"))}
    sent = {"email": EMAIL, "password": factories.PASSWORD, "theme": "dark", "csrf_token": token}
    options["headers"] = options.get("headers", {}) | held
    answers = [page, *(client.post(prefix + path, data=sent, **options) for path in ("/login", "/theme"))]
    assert [answer.status_code for answer in answers] == [200, 303, 303]
    lines = [line for answer in answers for line in answer.headers.getlist("Set-Cookie")]
    return {line.partition("=")[0]: line for line in lines}


@pytest.mark.parametrize("told", ["https", "HTTPS", "https, http"])
def test_behind_a_trusted_proxy_that_does_tls_every_cookie_is_secure(client: FlaskClient, told: str) -> None:
    options: dict[str, Any] = {"environ_base": PROXY, "headers": {"X-Forwarded-Proto": told}}
    cookies = sign_in(client, **options)
    assert set(cookies) == {"__Host-fleet_session", "fleet_form", "theme"}
    name, _, value = cookies["__Host-fleet_session"].partition(";")[0].partition("=")
    options["headers"] = {"Cookie": f"{name}={value}"} | options["headers"]
    assert client.get("/profile", **options).status_code == 200
    [columns] = client.get("/hosts/manage?columns=1&cols=uuid", **options).headers.getlist("Set-Cookie")
    assert columns.startswith("host_columns=uuid;")
    for line in (*cookies.values(), columns):
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(line.split("; ")) and "Domain" not in line
    plain = {"headers": {"Cookie": f"fleet_session={value}"} | TLS, "environ_base": PROXY}
    assert client.get("/profile", **plain).status_code == 302, "another site of the domain could have set that one"


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (STRANGER, TLS),
        (PROXY, {}),
        (PROXY, {"X-Forwarded-Proto": "http"}),
        (PROXY, {"X-Forwarded-Proto": "http, https"}),
    ],
)
def test_nobody_else_says_how_a_browser_came(
    client: FlaskClient, peer: dict[str, str], headers: dict[str, str]
) -> None:
    cookies = sign_in(client, environ_base=peer, headers=headers)
    assert set(cookies) == {"fleet_session", "fleet_form", "theme"}
    assert not any("Secure" in line for line in cookies.values())


def test_behind_such_a_proxy_pages_open_sockets_by_tls(client: FlaskClient) -> None:
    def policy(peer: dict[str, str]) -> str:
        return client.get("/login", environ_base=peer, headers=TLS).headers["Content-Security-Policy"]

    assert "wss://localhost" in policy(PROXY)
    assert "wss://" not in policy(STRANGER)


class TestPrefix:
    """Behind a URL prefix."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_SERVER_URL_PREFIX": "/inner", "FLEET_SERVER_TRUSTED_PROXIES": "10.0.0.0/8"}

    def test_cookies_do_not_reach_the_neighbours(self, client: FlaskClient) -> None:
        cookies = sign_in(client, "/inner", environ_base=PROXY, headers=TLS)
        assert set(cookies) == {"fleet_session", "fleet_form", "theme"}
        for line in cookies.values():
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/inner/"} <= set(line.split("; "))

    def test_the_way_back_keeps_the_prefix(self, client: FlaskClient) -> None:
        away = client.get("/inner/profile?x=1")
        assert away.headers["Location"] == "/inner/login?next=/inner/profile%3Fx%3D1"
        form = client.get(away.headers["Location"]).text
        assert 'name="next" value="/inner/profile?x=1"' in form
