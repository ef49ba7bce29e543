"""What a page answers to whom: the whole, a block, a message, or the way to another page."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from fleet.accounts.models import User
from fleet.web.pages import own_path
from tests import factories

PART = {"HX-Request": "true", "HX-Target": "results"}


def test_htmx_gets_the_block_and_the_history_of_a_browser_the_page(browser: FlaskClient) -> None:
    assert "<html" not in browser.get("/labels/manage", headers=PART).text
    for headers in ({}, PART | {"HX-History-Restore-Request": "true"}, PART | {"HX-Target": "other"}):
        assert "<html" in browser.get("/labels/manage", headers=headers).text


def test_an_error_is_a_message_to_htmx_and_a_page_to_others(browser: FlaskClient) -> None:
    refused = browser.get("/labels/999", headers=PART)
    assert (refused.status_code, refused.text) == (404, "")
    toast = {"kind": "error", "text": "Label 999 was not found in the datastore"}
    assert json.loads(refused.headers["HX-Trigger"]) == {"toast": toast}
    page = browser.get("/labels/999")
    assert page.status_code == 404 and "<html" in page.text and "HX-Trigger" not in page.headers


def test_a_form_of_somebody_whose_session_is_over_leads_back_to_the_first_page(browser: FlaskClient) -> None:
    sent = {"csrf_token": factories.csrf_token(browser, "/profile")}
    browser.delete_cookie("fleet_session")
    answer = browser.post("/labels/6/delete", data=sent)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login?next=/dashboard")


@pytest.mark.parametrize("values", [{"api_only": True}, {"global_role": None}, {"force_password_reset": True}])
def test_those_who_may_not_see_pages_have_no_rail_on_an_error_either(
    browser: FlaskClient, session: Session, values: dict[str, Any]
) -> None:
    assert 'class="rail"' in browser.get("/no/such/page").text
    session.execute(update(User).values(values))
    session.commit()
    assert 'class="rail"' not in browser.get("/no/such/page").text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "", "evil", "https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "/\n/evil.example",
        "/x\\..\\..\\evil", "javascript:alert(1)", "/\x00",
    ],
)  # fmt: skip
def test_a_link_back_never_leaves_this_server(elsewhere: str) -> None:
    assert own_path(elsewhere, "/here") == "/here"


def test_a_link_back_is_any_path_of_this_server() -> None:
    assert own_path("/hosts/manage?query=https://x&page=2", "/here") == "/hosts/manage?query=https://x&page=2"
