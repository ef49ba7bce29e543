"""What people see first."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from fleet.activities import service as activities
from fleet.authz.check import Actor
from fleet.labels.models import LabelMembership
from tests import factories
from tests.hosts.test_pages import HTMX, browser_of


def record(session: Session, kind: str, details: dict[str, Any] | None = None) -> None:
    user = factories.make_user(session, name="Jane")
    activities.record(session, Actor(user.id, "Jane", user.email, "admin"), kind, details)
    session.commit()


def test_an_empty_instance_says_how_to_begin(app: Flask, browser: FlaskClient, session: Session) -> None:
    page = browser.get("/dashboard").text
    assert "Welcome" in page and 'href="/hosts/add"' in page
    assert "/hosts/add" not in browser_of(app, global_role="observer").get("/dashboard").text
    assert browser.get("/").headers["Location"] == "/dashboard"
    for welcomed in (True, False):
        factories.make_host(session)
        session.commit()
        assert ("Welcome" in browser.get("/dashboard").text) is welcomed


def test_shortcuts_are_told_for_pages_that_there_are(app: Flask, browser: FlaskClient) -> None:
    page = browser.get("/dashboard").text
    for letter, name in (("h", "hosts"), ("q", "queries")):
        assert f"<kbd>g</kbd> <kbd>{letter}</kbd> </dt><dd>Go to {name}</dd>" in page
        assert f'data-go="{letter}"' in page
    assert "Go to policies" not in page and "Go to software" not in page


def test_numbers_are_links_to_exactly_those_hosts(browser: FlaskClient, session: Session) -> None:
    for platform, label, online in (
        ("darwin", 7, True),
        ("ubuntu", 12, True),
        ("windows", 10, False),
        ("chrome", 13, False),
    ):
        host = factories.make_host(session, platform=platform, online=online)
        session.add(LabelMembership(host_id=host.id, label_id=label))
    session.commit()
    page = browser.get("/dashboard").text
    assert "Welcome" not in page and "4 in all" in page
    for label, name in ((7, "macOS"), (10, "Windows"), (12, "Linux"), (13, "ChromeOS")):
        assert f'<a class="stat" href="/hosts/manage/labels/{label}"><b>1</b><span>{name}</span></a>' in page
    for status, count in (("online", 2), ("offline", 2)):
        assert f'href="/hosts/manage?status={status}">{status.capitalize()}</a> <b>{count}</b>' in page
        assert f"{count} host" in browser.get(f"/hosts/manage?status={status}").text


def test_activities_are_told_in_sentences(browser: FlaskClient, session: Session) -> None:
    for kind, details, words in [
        ("created_saved_query", {"query_id": 3, "query_name": "Ports"}, 'created the query <a href="/queries/3">Ports'),
        ("live_query", {"targets_count": 1, "query_sql": "SELECT 1"}, "asked a live query of 1 host."),
        ("user_logged_in", {"public_ip": "203.0.113.9"}, "signed in from 203.0.113.9."),
        ("created_pack", {"pack_id": 1, "pack_name": "<b>x</b>"}, "&lt;b&gt;x&lt;/b&gt;"),
        ("enabled_windows_mdm", None, "enabled windows mdm."),
        ("something_new", {"a": [1]}, "something new."),
        ("live_query", {}, "asked a live query of 0 hosts."),
        ("deleted_user", {"user_name": None}, "deleted the user <b>without a name</b>."),
    ]:
        record(session, kind, details)
        page = browser.get("/dashboard").text
        assert "<b>Jane</b>" in page and words in page


def test_activities_come_page_by_page(browser: FlaskClient, session: Session) -> None:
    for number in range(10):
        record(session, f"number_{number}_x")
    first = browser.get("/_/dash/activity", headers={**HTMX, "HX-Target": "activity"}).text
    assert "number 9 x" in first and "number 1 x" not in first and "Older" in first and "<html" not in first
    second = browser.get("/_/dash/activity?page=1", headers={**HTMX, "HX-Target": "activity"}).text
    assert "number 1 x" in second and "number 9 x" not in second and "Newer" in second and "Older" not in second
    assert browser.get("/_/dash/activity").status_code == 303
    assert browser.get("/_/dash/activity?page=x", headers=HTMX).status_code == 200


def test_a_team_role_reads_no_activities_and_counts_its_own_hosts(app: Flask, session: Session) -> None:
    team = factories.make_team(session)
    factories.make_host(session, team_id=team.id)
    factories.make_host(session)
    session.commit()
    record(session, "created_pack", {"pack_name": "Of others"})
    client = browser_of(app, team_roles={team.id: "observer"})
    page = client.get("/dashboard").text
    assert "1 in all" in page and "Of others" not in page and "Activity" not in page
    assert client.get("/_/dash/activity", headers=HTMX).status_code == 403


def test_the_card_of_hosts_fetches_itself(browser: FlaskClient, session: Session) -> None:
    card = browser.get("/_/dash/hosts", headers={**HTMX, "HX-Target": "hosts"}).text
    assert card.lstrip().startswith('<div id="hosts"') and 'hx-trigger="every 60s"' in card
    assert browser.get("/_/dash/hosts").status_code == 303


def test_an_unknown_address_keeps_the_rail_for_those_who_are_signed_in(app: Flask, browser: FlaskClient) -> None:
    for path in ("/no/such/page", "/hosts/manage/labels/6/none/such"):
        answer = browser.get(path)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 404
        assert 'class="rail"' in page and "There is nothing here" in page
    stranger = app.test_client().get("/no/such/page")
    assert stranger.status_code == 404
    assert 'class="rail"' not in stranger.get_data(as_text=True)
