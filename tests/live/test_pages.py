"""The pages of live queries: the target picker, the run, and who may see them."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fleet.accounts.models import User
from fleet.labels.models import ALL_HOSTS
from fleet.live import picking, tickets
from fleet.live import service as live_queries
from fleet.live.models import Campaign, CampaignStatus
from fleet.queries.models import Query
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import client_of


def signed_in(app: Flask, **roles: object) -> FlaskClient:
    """Pages as a new user with these roles."""
    key = client_of(app, **roles).token  # type: ignore[arg-type]
    browser = app.test_client()
    browser.set_cookie("fleet_session", key or "")
    return browser


@pytest.fixture
def query_id(session: Session) -> int:
    query_id = factories.make_query(session, "What <is> up", query="SELECT 1;\nSELECT 2").id
    session.commit()
    return query_id


HTMX = {"HX-Request": "true"}


def test_the_picker_shows_what_can_be_picked_and_what_its_address_says(
    browser: FlaskClient, session: Session, hosts: list[int], query_id: int
) -> None:
    factories.make_label(session, "Has <b>Docker</b>")
    factories.make_team(session, "Workstations")
    session.commit()
    page = browser.get(f"/queries/{query_id}/live?label_ids=7&host_ids={hosts[0]}").get_data(as_text=True)
    assert "What &lt;is&gt; up" in page
    assert "Has &lt;b&gt;Docker&lt;/b&gt;" in page
    assert "Workstations" in page
    assert 'name="label_ids" value="7" checked' in page
    assert 'name="label_ids" value="6" checked' not in page
    assert re.search(rf'name="host_ids" value="{hosts[0]}" checked', page)
    assert "Hosts in macOS; and 1 chosen host." in page


def test_other_pages_can_link_to_it_with_and_without_a_query(app: Flask) -> None:
    with app.test_request_context():
        assert app.url_for("live.targets", query_id=7, host_ids="1") == "/queries/7/live?host_ids=1"
        assert app.url_for("live.targets", host_ids=1) == "/queries/new/live?host_ids=1"
    assert "live.targets" in app.view_functions


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "Nobody yet"),
        ("label_ids=6", "All hosts."),
        ("label_ids=6&team_ids=1", "All hosts."),
        ("label_ids=7,10", "Hosts in one of the platforms macOS or MS Windows."),
        ("label_ids=7&label_ids=10", "Hosts in one of the platforms macOS or MS Windows."),
        ("host_ids=1,2", "2 chosen hosts."),
        ("host_ids=x,-1,0,99999999999999999999", "Nobody yet"),
    ],
)
def test_the_selection_is_a_sentence(browser: FlaskClient, hosts: list[int], address: str, words: str) -> None:
    headers = HTMX | {"HX-Target": "selection"}
    answer = browser.get(f"/_/targets/count?{address}", headers=headers)
    assert answer.status_code == 200
    assert words in answer.get_data(as_text=True)
    assert "<html" not in answer.get_data(as_text=True)


def test_groups_are_joined_by_and(browser: FlaskClient, session: Session, hosts: list[int]) -> None:
    label, team = factories.make_label(session, "Old").id, factories.make_team(session, "Red").id
    session.commit()
    answer = browser.get(
        f"/_/targets/count?label_ids=7,{label}&team_ids={team}", headers=HTMX | {"HX-Target": "selection"}
    )
    assert "Hosts in macOS, and in the label Old, and in the team Red." in answer.get_data(as_text=True)
    assert answer.headers["HX-Replace-Url"] == f"/queries/new/live?label_ids=7,{label}&team_ids={team}"


def test_the_count_says_how_many_are_online(browser: FlaskClient, hosts: list[int]) -> None:
    answer = browser.get(f"/_/targets/count?label_ids={ALL_HOSTS}", headers=HTMX | {"HX-Target": "selection"})
    text = re.sub(r"<[^>]+>", "", answer.get_data(as_text=True))
    assert "3 hosts, 2 online" in text
    assert "67 % online" in text


def test_the_search_keeps_what_is_chosen(browser: FlaskClient, hosts: list[int]) -> None:
    page = browser.get(
        f"/_/targets/search?host_query=alp&host_ids={hosts[1]}", headers=HTMX | {"HX-Target": "hosts"}
    ).get_data(as_text=True)
    assert re.findall(r'name="host_ids" value="(\d+)"( checked)?', page) == [
        (str(hosts[1]), " checked"),
        (str(hosts[0]), ""),
    ]


def test_chosen_hosts_are_not_offered_again_and_none_is_lost_however_many(
    browser: FlaskClient, hosts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picking, "SHOWN", 1)
    page = browser.get(f"/queries/new/live?host_ids={hosts[2]},{hosts[1]}").text
    boxes = re.findall(r'<input type="(\w+)"[^>]* name="host_ids" value="(\d+)"( checked)?', page)
    kept, ticked, offered = map(str, (hosts[1], hosts[2], hosts[0]))
    assert boxes == [("hidden", kept, ""), ("checkbox", ticked, " checked"), ("checkbox", offered, "")]
    assert "1 more chosen host is not listed here." in page


def test_one_picks_from_what_one_may_ask(app: Flask, session: Session, hosts: list[int]) -> None:
    red, blue = factories.make_team(session, "Team red").id, factories.make_team(session, "Team blue").id
    own = factories.make_host(session, hostname="host-of-red", team_id=red).id
    other = factories.make_host(session, hostname="host-of-blue", team_id=blue).id
    open_id = factories.make_query(session, observer_can_run=True).id
    session.commit()
    member = signed_in(app, team_roles={red: "maintainer", blue: "observer"})
    for path, seen in (("/queries/new/live", ["red"]), (f"/queries/{open_id}/live", ["red", "blue"])):
        page = member.get(f"{path}?label_ids=6&host_ids={hosts[0]}").text
        assert [color for color in ("red", "blue") if f"host-of-{color}" in page] == seen
        assert [color for color in ("red", "blue") if f"Team {color}" in page] == seen
        assert "Alpha" not in page and "gamma" not in page
        assert f'All Hosts <span class="count">{len(seen)}</span>' in page
        run = factories.submit(
            member, path, {"query": "SELECT 1", "label_ids": "6"} if "new" in path else {"label_ids": "6"}
        )
        asked = member.get(f"/_{run.headers['Location']}/hosts").json["hosts"]
        assert sorted(host[0] for host in asked) == [own, other][: len(seen)]


def test_what_does_not_exist_is_named_and_refused(browser: FlaskClient, session: Session, query_id: int) -> None:
    page = browser.get(f"/queries/{query_id}/live?label_ids=999").get_data(as_text=True)
    assert "There is no label with the id 999." in page
    refused = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6,999", "action": "run"})
    assert refused.status_code == 422
    assert "There is no label with the id 999." in refused.get_data(as_text=True)
    assert session.scalar(select(func.count()).select_from(Campaign)) == 0


def test_a_saved_query_runs_under_its_name(
    browser: FlaskClient, session: Session, runtime: Runtime, hosts: list[int], query_id: int
) -> None:
    sent = factories.submit(
        browser, f"/queries/{query_id}/live", {"query": "SELECT 1;\r\nSELECT 2", "host_ids": str(hosts[0])}
    )
    assert sent.status_code == 303
    campaign = session.scalars(select(Campaign)).one()
    assert sent.headers["Location"] == f"/live/{campaign.id}"
    assert campaign.query_id == query_id
    assert runtime.live.due(hosts[0]) == {campaign.id: "SELECT 1;\nSELECT 2"}


def test_edited_sql_is_asked_once_and_the_saved_query_stays(
    browser: FlaskClient, session: Session, runtime: Runtime, hosts: list[int], query_id: int
) -> None:
    factories.submit(browser, f"/queries/{query_id}/live", {"query": "SELECT 3", "host_ids": str(hosts[0])})
    campaign = session.scalars(select(Campaign)).one()
    asked, saved = session.get(Query, campaign.query_id), session.get(Query, query_id)
    assert asked and not asked.saved and asked.query == "SELECT 3"
    assert saved and saved.query == "SELECT 1;\nSELECT 2"


def test_edited_sql_comes_along_from_the_editor_to_the_picker(
    app: Flask, browser: FlaskClient, session: Session, hosts: list[int], query_id: int
) -> None:
    path = f"/queries/{query_id}/live"
    unchanged = factories.submit(browser, path, {"query": "SELECT 1;\r\nSELECT 2", "action": "find", "host_ids": "7"})
    assert (unchanged.status_code, unchanged.headers["Location"]) == (303, f"{path}?host_ids=7")
    edited = factories.submit(browser, path, {"query": "SELECT 3", "action": "find"})
    assert edited.headers["Location"] == f"{path}?query=SELECT+3"
    page = browser.get(edited.headers["Location"]).get_data(as_text=True)
    assert re.search(r"<textarea[^>]*>\nSELECT 3</textarea>", page)
    headers = HTMX | {"HX-Target": "selection", "HX-Current-URL": f"http://localhost{path}?query=SELECT+3"}
    counted = browser.get(f"/_/targets/count?query_id={query_id}&label_ids=6", headers=headers)
    assert counted.headers["HX-Replace-Url"] == f"{path}?label_ids=6&query=SELECT+3"
    long = factories.submit(browser, path, {"query": f"SELECT '{'x' * 9000}'", "action": "find"})
    assert long.status_code == 200 and "x" * 9000 in long.get_data(as_text=True), "too long for an address"

    factories.make_query(session, "For all", query="SELECT 4", observer_can_run=True)
    session.commit()
    watcher = signed_in(app, global_role="observer")
    shown = watcher.get(f"/queries/{query_id + 1}/live?query=SELECT+5").get_data(as_text=True)
    assert "SELECT 4" in shown and "SELECT 5" not in shown


def test_the_button_says_that_a_run_will_wait(browser: FlaskClient, session: Session, hosts: list[int]) -> None:
    for address, words in (
        ("label_ids=6", "Run"),
        ("", "Run"),
        (f"host_ids={hosts[2]}", "Run, and wait for a host to call"),
    ):
        page = browser.get(f"/queries/new/live?{address}").get_data(as_text=True)
        assert f"<span>{words}</span></button>" in page


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"query": "SELECT 1"}, 400, "Choose whom to ask"),
        ({"query": " ", "label_ids": "6"}, 422, "one of query or query_id must be specified"),
        ({"query": "SELECT 1", "label_ids": "9"}, 400, "No host is selected that you may ask."),
        ({"query": "SELECT '\x00'", "label_ids": "6"}, 422, "without NUL characters"),
        ({"query": "x" * 70_000, "label_ids": "6"}, 422, "at most 64 KB"),
    ],
)
def test_a_refused_run_shows_the_picker_again_with_the_reason(
    browser: FlaskClient, session: Session, hosts: list[int], fields: dict[str, str], status: int, words: str
) -> None:
    answer = factories.submit(browser, "/queries/new/live", fields)
    assert answer.status_code == status
    page = answer.get_data(as_text=True)
    assert words in page
    assert '<form method="post"' in page
    assert session.scalar(select(func.count()).select_from(Campaign)) == 0
    assert session.scalar(select(func.count()).select_from(Query)) == 0


def test_without_script_hosts_are_found_by_a_button(browser: FlaskClient, hosts: list[int]) -> None:
    sent = factories.submit(
        browser, "/queries/new/live", {"query": "SELECT 9", "host_query": "alp", "label_ids": "7", "action": "find"}
    )
    assert sent.status_code == 303
    page = browser.get(sent.headers["Location"]).get_data(as_text=True)
    assert "Alpha" in page
    assert "SELECT 9" in page
    assert 'name="label_ids" value="7" checked' in page


def test_forms_from_elsewhere_are_refused(browser: FlaskClient, hosts: list[int], query_id: int) -> None:
    for path in (f"/queries/{query_id}/live", "/queries/new/live", "/_/live/1/ticket"):
        assert browser.post(path, data={"host_ids": str(hosts[0])}).status_code == 403


def test_the_run_page_carries_a_ticket_for_its_campaign_and_no_key(
    app: Flask, browser: FlaskClient, session: Session, hosts: list[int], query_id: int
) -> None:
    sent = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6"})
    answer = browser.get(sent.headers["Location"])
    page = answer.get_data(as_text=True)
    campaign = session.scalars(select(Campaign)).one()
    found = re.search(r'data-ticket="([^"]+)"', page)
    assert found
    ticket = tickets.read(str(app.secret_key), found.group(1))
    assert ticket and ticket.campaign_id == campaign.id and ticket.user_id == campaign.user_id
    cookie = browser.get_cookie("fleet_session")
    assert cookie and cookie.value not in page
    assert "What &lt;is&gt; up" in page
    assert "<script>" not in page and "style=" not in page
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_ticket_can_be_renewed(browser: FlaskClient, app: Flask, hosts: list[int], query_id: int) -> None:
    sent = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6"})
    path = sent.headers["Location"]
    token = factories.csrf_token(browser, path)
    renewed = browser.post(f"/_{path}/ticket", headers={"X-CSRFToken": token})
    assert renewed.status_code == 200
    assert tickets.read(str(app.secret_key), renewed.json["ticket"])


def test_the_hosts_of_a_run_are_named(browser: FlaskClient, hosts: list[int], query_id: int) -> None:
    sent = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6"})
    answer = browser.get(f"/_{sent.headers['Location']}/hosts")
    assert sorted(answer.json["hosts"]) == [
        [hosts[0], "Alpha", True, ""],
        [hosts[1], "beta", True, ""],
        [hosts[2], "gamma", False, ""],
    ]


def test_a_run_of_own_sql_leads_back_to_its_sql(browser: FlaskClient, hosts: list[int]) -> None:
    sent = factories.submit(browser, "/queries/new/live", {"query": "SELECT '<&>'", "label_ids": "6"})
    page = browser.get(sent.headers["Location"]).get_data(as_text=True)
    assert "SELECT &#39;&lt;&amp;&gt;&#39;" in page
    assert "/queries/new/live?label_ids=6&amp;query=SELECT" in page
    long = factories.submit(browser, "/queries/new/live", {"query": f"SELECT '{'x' * 9000}'", "label_ids": "6"})
    page = browser.get(long.headers["Location"]).text
    assert 'href="/queries/new/live?label_ids=6"' in page, "too long for an address"


def test_a_run_that_was_watched_is_never_started_by_a_reload(
    browser: FlaskClient, session: Session, hosts: list[int], query_id: int
) -> None:
    sent = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6"})
    campaign_id = session.scalars(select(Campaign.id)).one()
    live_queries.mark(session, campaign_id, CampaignStatus.COMPLETE)
    session.commit()
    page = browser.get(sent.headers["Location"]).get_data(as_text=True)
    assert "Results are not stored" in page
    assert "data-ticket" not in page
    assert "Run again" in page
    assert session.scalar(select(func.count()).select_from(Campaign)) == 1


def test_nobody_sees_the_run_of_somebody_else(
    app: Flask, browser: FlaskClient, hosts: list[int], query_id: int
) -> None:
    path = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6"}).headers["Location"]
    other = signed_in(app, global_role="admin")
    assert other.get(path).status_code == 403
    assert other.get(f"/_{path}/hosts").status_code == 403
    token = factories.csrf_token(other, "/queries/new/live")
    assert other.post(f"/_{path}/ticket", headers={"X-CSRFToken": token}).status_code == 403
    assert other.get("/live/4711").status_code == 404
    assert app.test_client().get(path).status_code == 302


def test_whoever_loses_the_right_to_ask_sees_no_run_of_their_own(
    browser: FlaskClient, session: Session, hosts: list[int], query_id: int
) -> None:
    path = factories.submit(browser, f"/queries/{query_id}/live", {"label_ids": "6"}).headers["Location"]
    token = factories.csrf_token(browser, path)
    session.execute(update(User).values(global_role="gitops"))
    session.commit()
    assert browser.get(path).status_code == browser.get(f"/_{path}/hosts").status_code == 403
    assert browser.post(f"/_{path}/ticket", headers={"X-CSRFToken": token}).status_code == 403


def test_observers_run_only_what_they_may(app: Flask, session: Session, hosts: list[int], query_id: int) -> None:
    open_id = factories.make_query(session, observer_can_run=True, query="SELECT 5").id
    session.commit()
    watcher = signed_in(app, global_role="observer")
    assert watcher.get("/queries/new/live").status_code == 403
    assert watcher.get(f"/queries/{query_id}/live").status_code == 403
    page = watcher.get(f"/queries/{open_id}/live").get_data(as_text=True)
    assert "SELECT 5" in page and "<textarea" not in page
    edited = factories.submit(watcher, f"/queries/{open_id}/live", {"query": "SELECT 6", "label_ids": "6"})
    assert edited.status_code == 403
    assert factories.submit(watcher, f"/queries/{open_id}/live", {"label_ids": "6"}).status_code == 303
    assert signed_in(app, global_role="gitops").get(f"/queries/{open_id}/live").status_code == 403


def test_an_unknown_query_is_not_found(browser: FlaskClient) -> None:
    assert browser.get("/queries/4711/live").status_code == 404
    assert browser.get("/_/targets/count?query_id=4711").status_code == 404
