"""What an instance answers before and after setup."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from fleet.app_config import service as app_config
from tests import factories
from tests.setup.test_api import GOOD


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize("path", ["/", "/login", "/hosts/manage", "/nothing/here", "/logout", "/metrics", "/debug"])
def test_before_setup_every_page_leads_there(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/setup")


@pytest.mark.parametrize(
    "path", ["/api/latest/fleet/version", "/api/latest/fleet/login", "/api/osquery/enroll", "/api/v2/setup", "/api/"]
)
def test_before_setup_the_api_is_not_there(client: FlaskClient, path: str) -> None:
    answer = client.post(path, json={})
    assert answer.status_code == 404
    assert answer.get_data(as_text=True) == "404 page not found\n"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/version", "/setup", "/setup/", "/assets/app.css"])
def test_before_setup_some_paths_answer_as_ever(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_before_setup_the_paths_below_debug_are_not_led_away(client: FlaskClient) -> None:
    assert client.get("/debug/pprof").status_code == 404


def test_a_get_of_the_setup_route_is_a_wrong_method(client: FlaskClient) -> None:
    assert client.get("/api/v1/setup").status_code == 405


def test_after_setup_its_page_leads_to_the_sign_in(client: FlaskClient) -> None:
    client.post("/api/v1/setup", json=GOOD)
    check = client.post("/_/setup/check?step=1", data={})
    for answer in (client.get("/setup"), client.post("/setup", data={}), client.get("/setup/"), check):
        assert (answer.status_code, answer.headers["Location"]) == (307, "/login")


def test_after_setup_the_api_answers(client: FlaskClient) -> None:
    assert client.get("/api/latest/fleet/version").status_code == 404
    client.post("/api/v1/setup", json=GOOD)
    assert client.get("/api/latest/fleet/version").status_code == 401


FORM = {
    "name": "Ada",
    "email": "ada@example.com",
    "password": "analytical engine 1!",
    "password_confirmation": "analytical engine 1!",
    "org_name": "Engines",
    "org_logo_url": "",
    "server_url": "https://fleet.example.com/",
}


def test_the_wizard_sets_up_and_signs_in(client: FlaskClient, session: Session) -> None:
    answer = factories.submit(client, "/setup", FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert client.get("/profile").status_code == 200
    assert "ada@example.com" in client.get("/profile").get_data(as_text=True)
    stored = app_config.get(session)
    assert stored.server_settings.server_url == "https://fleet.example.com"
    assert stored.org_info.org_name == "Engines"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "", "Enter a full name."),
        ("name", "  ", "Enter a full name."),
        ("email", "", "Enter an email address."),
        ("email", "ada", "Enter an email address such as"),
        ("password", "", "Choose a password."),
        ("server_url", "", "Enter the address of this server."),
        ("password_confirmation", "other", "not the same"),
        ("server_url", "http://fleet.example.com", "The address must begin with https://"),
        ("server_url", "https://fleet.example.com/path", "without a path"),
        ("org_logo_url", "data:text/html,x", "https://example.com/logo.png"),
        ("name", "a\x00b", "NUL"),
    ],
)
def test_the_wizard_says_what_is_wrong_and_keeps_what_was_typed(
    client: FlaskClient, field: str, value: str, reason: str
) -> None:
    answer = factories.submit(client, "/setup", {**FORM, "org_name": "<b>Engines</b>", field: value})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert reason in page
    assert "missing required argument" not in page
    assert "&lt;b&gt;Engines&lt;/b&gt;" in page
    assert "<b>Engines" not in page
    assert "analytical engine" not in page
    assert client.get("/login").status_code == 307


def test_the_wizard_refuses_a_form_from_another_site(client: FlaskClient) -> None:
    assert client.post("/setup", data=FORM).status_code == 403
    token = factories.csrf_token(client, "/setup")
    evil = client.post("/setup", data={**FORM, "csrf_token": token}, headers={"Sec-Fetch-Site": "cross-site"})
    assert evil.status_code == 403


def test_each_step_is_checked_by_itself(client: FlaskClient) -> None:
    token = factories.csrf_token(client, "/setup")
    htmx = {"HX-Request": "true", "HX-Target": "admin"}
    sent = {"csrf_token": token, "name": "Ada", "email": "", "password": "", "password_confirmation": ""}
    refused = client.post("/_/setup/check?step=1", data=sent, headers=htmx)
    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert 'id="admin"' in page
    assert "<html" not in page
    good = client.post("/_/setup/check?step=1", data={**FORM, "csrf_token": token}, headers=htmx)
    assert (good.status_code, good.headers["HX-Trigger"]) == (204, '{"setup-step": 2}')
    strange = client.post("/_/setup/check?step=<x>", data={**FORM, "csrf_token": token}, headers=htmx)
    assert strange.status_code == 204


@pytest.mark.parametrize(
    ("step", "field", "value"), [(2, "org_logo_url", "javascript:x"), (3, "server_url", "http://fleet.example.com")]
)
def test_a_step_is_not_left_before_its_own_fields_are_right(
    client: FlaskClient, step: int, field: str, value: str
) -> None:
    wrong = {**FORM, field: value, "csrf_token": factories.csrf_token(client, "/setup")}
    statuses = [client.post(f"/_/setup/check?step={number}", data=wrong).status_code for number in (1, 2, 3)]
    assert statuses == [422 if number == step else 204 for number in (1, 2, 3)]


def test_the_wizard_proposes_an_https_address(client: FlaskClient) -> None:
    page = client.get("/setup", headers={"Host": "fleet.example.com:8080"}).get_data(as_text=True)
    assert 'value="https://fleet.example.com:8080"' in page


class TestPrefix:
    """Behind a URL prefix."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_SERVER_URL_PREFIX": "/inner"}

    def test_redirects_keep_the_prefix(self, client: FlaskClient) -> None:
        assert client.get("/inner/hosts/manage").headers["Location"] == "/inner/setup"
        assert client.post("/inner/api/v1/setup", json=GOOD).status_code == 200
        assert client.get("/inner/setup").headers["Location"] == "/inner/login"


class TestMetrics:
    """Where /metrics is mounted, it answers before setup."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_PROMETHEUS_BASIC_AUTH_DISABLE": "true"}

    def test_metrics_answer_as_ever(self, client: FlaskClient) -> None:
        assert client.get("/metrics").status_code == 200
