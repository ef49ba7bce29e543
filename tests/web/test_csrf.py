"""A form counts only when one of our own pages sent it, however long that page has been open."""

import json
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
    sent = {"name": "Typed", "csrf_token": "old"}
    refused = browser.post("/labels/new", data=sent, headers={"Referer": "http://localhost/labels/new"})
    assert refused.status_code == 403
    assert "Go back to the form and send it again" in refused.text and 'href="/labels/new"' in refused.text
    assert "role" not in refused.text.partition("<h1>")[2].partition("</main>")[0]
    observer = browser_of(app, global_role="observer")
    assert "An admin of this organisation can give you the role" in observer.get("/labels/new").text


def test_the_token_of_another_browser_is_none(client: FlaskClient) -> None:
    token = factories.csrf_token(client.application.test_client(), "/login")
    factories.csrf_token(client, "/login")
    assert client.post("/theme", data={"theme": "dark", "csrf_token": token}).status_code == 403


def test_a_dialog_that_is_out_of_date_is_given_the_token_with_which_it_may_be_sent_again(browser: FlaskClient) -> None:
    sent = {"name": "Typed", "query": "SELECT 1", "csrf_token": "old"}
    refused = browser.post("/labels/new", data=sent, headers={"HX-Request": "true"})
    told = json.loads(refused.headers["HX-Trigger"])
    assert (refused.status_code, told["toast"]["text"]) == (403, "This form is out of date. Send it again.")
    assert browser.post("/labels/new", data=sent | {"csrf_token": told["csrf"]}).status_code == 303


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("http://localhost/labels/new?table=users", "/labels/new%3Ftable%3Dusers"),
        ("http://evil.example/labels/new", "/dashboard"),
        ("http://[", "/dashboard"),
    ],
)
def test_whose_session_is_over_comes_back_to_the_form_after_signing_in(
    client: FlaskClient, page: str, back: str
) -> None:
    sent = {"name": "Typed", "csrf_token": factories.csrf_token(client, "/login")}
    answer = client.post("/labels/new", data=sent, headers={"Referer": page})
    assert answer.headers["Location"] == f"/login?next={back}"
