"""Addresses that clients name and that are none: no way in, and no fault of the server."""

import pytest
from flask.testing import FlaskClient

from tests import factories
from tests.conftest import Client

NONE = "http://["


@pytest.mark.parametrize("path", ["/api/latest/fleet/results/websocket", "/api/v1/fleet/results/1/x/websocket"])
def test_a_socket_is_not_opened_from_nowhere(anonymous: Client, path: str) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    base = "ws://localhost"
    refused = anonymous.flask.get(path, base_url=base, headers=upgrade | {"Origin": NONE})
    assert refused.status_code == 403


def test_a_form_is_not_taken_from_nowhere(browser: FlaskClient) -> None:
    form = {"csrf_token": factories.csrf_token(browser, "/packs/new"), "name": "P"}
    assert browser.post("/packs/new", data=form, headers={"Origin": NONE}).status_code == 403


def test_whoever_came_from_nowhere_or_goes_there_is_led_home(browser: FlaskClient) -> None:
    form = {"csrf_token": factories.csrf_token(browser, "/profile"), "theme": "dark"}
    kept = browser.post("/theme", data=form, headers={"Referer": NONE})
    assert (kept.status_code, kept.location) == (303, "/dashboard")
    assert browser.get("/login?next=/%09/[").location == "/dashboard"


def test_a_fragment_for_a_page_at_no_address_is_given(browser: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Target": "selection", "HX-Current-URL": NONE}
    counted = browser.get("/_/targets/count?label_ids=6", headers=headers)
    assert (counted.status_code, counted.headers["HX-Replace-Url"]) == (200, "/queries/new/live?label_ids=6")
