"""A form counts only when one of our own pages sent it, however long that page has been open."""

import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner

from tests import factories
from tests.conftest import Client
from tests.hosts.test_pages import browser_of


@pytest.fixture
def client(anonymous: Client) -> FlaskClient:
    return anonymous.flask


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_form_with_its_token_counts_as_its_browser_says(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    sent = {"theme": "dark", "csrf_token": factories.csrf_token(client, "/login")}
    assert client.post("/theme", data=sent, headers=headers).status_code == status


def test_a_form_that_stood_open_for_a_week_is_still_taken(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 7 * 24 * 3600)
        token = factories.csrf_token(client, "/login")
    assert client.post("/theme", data={"theme": "dark", "csrf_token": token}).status_code == 303


def test_who_sends_a_form_that_is_out_of_date_is_told_to_reload_it_and_not_to_ask_for_a_role(
    app: Flask, browser: FlaskClient
) -> None:
    refused = browser.post("/labels/new", data={"name": "Typed", "csrf_token": "old"})
    assert refused.status_code == 403
    assert "This form is out of date. Reload the page and send it again." in refused.text
    assert "role" not in refused.text.partition("<h1>")[2].partition("</main>")[0]
    observer = browser_of(app, global_role="observer")
    assert "An admin of this organisation can give you the role" in observer.get("/labels/new").text


def test_the_token_of_another_browser_is_none(client: FlaskClient) -> None:
    token = factories.csrf_token(client.application.test_client(), "/login")
    factories.csrf_token(client, "/login")
    assert client.post("/theme", data={"theme": "dark", "csrf_token": token}).status_code == 403
