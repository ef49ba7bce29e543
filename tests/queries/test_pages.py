"""The pages of queries, as people see them."""

import re

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.packs.models import ScheduledQuery
from fleet.queries.models import Query
from tests import factories
from tests.factories import submit

HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
HTMX = {"HX-Request": "true"}


def page(client: FlaskClient, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.get_data(as_text=True)


def signed_in(app: Flask, session: Session, **roles: object) -> FlaskClient:
    factories.make_organization(session)
    user = factories.make_user(session, **roles)  # type: ignore[arg-type]
    client = app.test_client()
    client.set_cookie("fleet_session", factories.sign_in(session, user))
    session.commit()
    return client


def names(html: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*title="([^"]*)"', html)


def row(html: str, name: str) -> str:
    """What the row of a name says, without markup."""
    found = next(one for one in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if f'title="{name}"' in one)
    return " ".join(re.sub(r"<[^>]+>", " ", found).replace(name, "", 1).split())


def test_an_empty_list_says_what_a_query_is_and_leads_to_a_new_one(browser: FlaskClient) -> None:
    html = page(browser, "/queries/manage")
    assert "No queries yet" in html and "question in SQL" in html
    assert 'href="/queries/new"' in html


def test_the_list_is_searched_filtered_sorted_and_paged(browser: FlaskClient, session: Session) -> None:
    for number in reversed(range(24)):
        factories.make_query(session, f"Query {number:02}", platform="linux" if number % 2 else "darwin")
    factories.make_query(session, "Query 24")
    session.commit()
    assert len(names(page(browser, "/queries/manage"))) == 20
    assert names(page(browser, "/queries/manage?page=1")) == [f"Query {number}" for number in range(20, 25)]
    assert names(page(browser, "/queries/manage?page=99")) == [f"Query {number}" for number in range(20, 25)]
    assert names(page(browser, "/queries/manage?order_key=name&order_direction=desc"))[0] == "Query 24"
    assert names(page(browser, "/queries/manage?query=ery+07&platform=linux")) == ["Query 07"]
    assert names(page(browser, "/queries/manage?query=24&platform=linux")) == ["Query 24"], "it runs everywhere"
    assert "No query matches" in page(browser, "/queries/manage?query=07&platform=darwin")
    for odd in ("?page=x&per_page=7&order_key=password", "?platform=amiga", "?team_id=abc", "?query=%25_%00"):
        assert browser.get("/queries/manage" + odd).status_code == 200


def test_a_platform_finds_the_queries_that_are_shown_to_run_on_it(browser: FlaskClient, session: Session) -> None:
    factories.make_query(session, "Programs", query="SELECT * FROM programs")
    factories.make_query(session, "Uptime", query="SELECT * FROM uptime")
    factories.make_query(session, "Meant for Linux", query="SELECT * FROM uptime", platform="linux")
    factories.make_query(session, "Unknown table", query="SELECT * FROM of_an_extension")
    session.commit()
    assert names(page(browser, "/queries/manage?platform=windows")) == ["Programs", "Unknown table", "Uptime"]
    assert names(page(browser, "/queries/manage?platform=darwin")) == ["Unknown table", "Uptime"]


def test_a_list_of_one_platform_has_pages_of_its_own(browser: FlaskClient, session: Session) -> None:
    for number in range(44):
        sql = "SELECT * FROM programs" if number % 2 else "SELECT * FROM mounts"
        factories.make_query(session, f"Query {number:02}", query=sql)
    session.commit()
    second = page(browser, "/queries/manage?platform=windows&per_page=20&page=1")
    assert names(second) == ["Query 41", "Query 43"]
    assert "21–22 of 22" in second


def test_the_list_tells_platforms_frequency_automations_and_observers(browser: FlaskClient, session: Session) -> None:
    factories.make_query(session, "On", interval=3600, automations_enabled=True, observer_can_run=True)
    factories.make_query(session, "Waits", automations_enabled=True, platform="linux,windows")
    factories.make_query(session, "Odd", interval=77, query="SELECT 1 FROM registry")
    factories.make_query(session, "None", platform="linux", query="SELECT 1 FROM registry")
    session.commit()
    html = page(browser, "/queries/manage")
    for name, texts in {
        "On": ("observers", "Every hour", "On"),
        "Waits": ("Windows, Linux", "Paused"),
        "Odd": ("Windows", "Every 77 seconds", "Off"),
        "None": ("No platform has all of its tables", "Runs only when somebody asks", "Off"),
    }.items():
        assert all(text in row(html, name) for text in texts), row(html, name)
        assert ("observers" in row(html, name)) == (name == "On")
    assert names(page(browser, "/queries/manage?view=schedule")) == ["On"]
    assert browser.get("/schedule/manage").location == "/queries/manage?view=schedule"


def test_htmx_gets_the_results_alone(browser: FlaskClient, session: Session) -> None:
    factories.make_query(session, "Uptime")
    session.commit()
    part = page(browser, "/queries/manage", **HTMX, **{"HX-Target": "results"})
    assert part.lstrip().startswith('<section id="results">') and "<html" not in part


def test_a_query_is_written_saved_and_shown_again(browser: FlaskClient, session: Session) -> None:
    form = {
        "name": "Disks", "query": "SELECT *\r\nFROM mounts", "description": "d", "frequency": "custom",
        "interval": "70", "platforms": ["linux", "darwin"], "logging": "differential", "automations_enabled": "true",
    }  # fmt: skip
    saved = submit(browser, "/queries/new", form)
    assert saved.status_code == 303
    query = session.scalars(select(Query)).one()
    assert saved.location == f"/queries/{query.id}"
    assert (query.query, query.interval, query.platform) == ("SELECT *\nFROM mounts", 70, "darwin,linux")
    assert (query.automations_enabled, query.observer_can_run, query.logging) == (True, False, "differential")
    html = page(browser, saved.location)
    assert 'value="70"' in html and "SELECT *\nFROM mounts" in html and "Query saved" in html


def stamp(html: str) -> str:
    found = re.search(r'name="updated_at" value="([^"]+)"', html)
    assert found
    return found.group(1)


def test_saving_changes_every_field_also_to_empty(browser: FlaskClient, session: Session) -> None:
    query = factories.make_query(
        session, "Old", description="x", interval=60, platform="linux", observer_can_run=True, logging="snapshot"
    )
    session.commit()
    path = f"/queries/{query.id}"
    form = {"name": "New", "query": "SELECT 1", "frequency": "0", "updated_at": stamp(page(browser, path))}
    assert submit(browser, path, form).status_code == 303
    session.refresh(query)
    assert (query.name, query.description, query.interval, query.platform) == ("New", "", 0, "")
    assert (query.observer_can_run, query.logging) == (False, "")


def test_a_refused_form_names_each_field_and_keeps_the_text(browser: FlaskClient, session: Session) -> None:
    factories.make_query(session, "Taken")
    session.commit()
    form = {"name": " ", "query": "SELEC 1", "frequency": "custom", "interval": "often", "logging": "loud"}
    refused = submit(browser, "/queries/new", form)
    html = refused.get_data(as_text=True)
    assert refused.status_code == 422
    for field in ("name", "query", "interval", "logging"):
        assert f'id="f-{field}-error"' in html, field
    assert "SELEC 1" in html and 'value="often"' in html
    taken = submit(browser, "/queries/new", {"name": "TAKEN", "query": "SELECT 1"})
    assert taken.status_code == 409
    assert "There is a query of the name TAKEN already" in taken.get_data(as_text=True)
    for wrong in ({"interval": "604801"}, {"interval": "-1"}, {"interval": "9" * 40}, {"name": "x" * 256}):
        answer = submit(browser, "/queries/new", {"name": "Q", "query": "SELECT 1", "frequency": "custom"} | wrong)
        assert answer.status_code == 422
    for wrong in ({"name": "a\x00"}, {"description": "x" * 70_000}, {"query": "SELECT '" + "x" * 70_000 + "'"}):
        assert submit(browser, "/queries/new", {"name": "Q", "query": "SELECT 1"} | wrong).status_code == 422
    assert session.scalars(select(Query.name)).all() == ["Taken"]


def test_a_change_of_another_hand_is_shown_before_it_is_overwritten(browser: FlaskClient, session: Session) -> None:
    query = factories.make_query(session, "Uptime", query="SELECT 1")
    session.commit()
    path = f"/queries/{query.id}"
    opened = stamp(page(browser, path))
    query.query = "SELECT 2 -- theirs"
    session.commit()
    form = {"name": "Uptime", "query": "SELECT 3 -- mine", "updated_at": opened}
    conflict = submit(browser, path, form)
    html = conflict.get_data(as_text=True)
    assert conflict.status_code == 409
    assert "<del>SELECT 2 -- theirs</del>" in html and "<ins>SELECT 3 -- mine</ins>" in html
    assert "Save mine over it" in html and "Discard mine" in html
    assert re.findall(r'aria-label="Changes of ([^"]+)"', html) == ["SQL"], "the rest is the same in both"
    assert submit(browser, path, form | {"updated_at": stamp(html)}).status_code == 303
    session.refresh(query)
    assert query.query == "SELECT 3 -- mine"


def test_save_as_new_proposes_a_name_when_it_is_taken(browser: FlaskClient, session: Session) -> None:
    query = factories.make_query(session, "Uptime")
    session.commit()
    form = {"name": "Uptime", "query": "SELECT 1", "action": "save_as_new"}
    refused = submit(browser, f"/queries/{query.id}", form)
    assert refused.status_code == 422
    assert 'value="Copy of Uptime"' in refused.get_data(as_text=True)
    assert submit(browser, f"/queries/{query.id}", form | {"name": "Copy of Uptime"}).status_code == 303
    assert session.scalars(select(Query.name).order_by(Query.id)).all() == ["Uptime", "Copy of Uptime"]


def test_deleting_asks_first_and_says_what_goes(browser: FlaskClient, session: Session) -> None:
    first, second = factories.make_query(session, "First"), factories.make_query(session, "Second")
    factories.make_query(session, "Third")
    pack = factories.make_pack(session, "Baseline")
    session.add(ScheduledQuery(pack_id=pack.id, query_id=first.id, name="First", name_key="first", interval=60))
    session.commit()
    asked = page(browser, f"/queries/delete?id={first.id}&id={second.id}")
    for text in ("2 queries", "First", "Second", "Baseline"):
        assert text in asked
    dialog = page(browser, f"/queries/delete?id={first.id}", **HTMX, **{"HX-Target": "dlg"})
    assert "<html" not in dialog
    everything = page(browser, "/queries/delete?all=true&query=ir")
    assert "2 queries" in everything and "Second" not in everything
    form = {"id": [str(first.id), str(second.id)]}
    assert submit(browser, "/queries/delete", form, page="/queries/manage").status_code == 303
    assert session.scalars(select(Query.name)).all() == ["Third"]
    for nothing in (
        "/queries/delete?all=true&view=schedule",
        "/queries/delete",
        "/queries/delete?id=999",
        "/queries/delete?id=x",
    ):
        assert browser.get(nothing).status_code == 404


def test_hostile_names_and_sql_are_text(browser: FlaskClient, session: Session) -> None:
    sql = f"SELECT 1 -- </textarea>{HOSTILE}"
    query = factories.make_query(session, HOSTILE, query=sql, description=HOSTILE, min_osquery_version=HOSTILE)
    session.commit()
    conflict = submit(browser, f"/queries/{query.id}", {"name": "Q", "query": f"{sql} {HOSTILE}"})
    assert conflict.status_code == 409
    pages = [conflict.get_data(as_text=True)]
    pages += [
        page(browser, path) for path in ("/queries/manage", f"/queries/{query.id}", f"/queries/delete?id={query.id}")
    ]
    for html in pages:
        assert "<script>alert" not in html and "<img src=x" not in html and "</textarea><script" not in html
        assert "alert(&#39;x&#39;)" in html


def test_who_may_not_save_sees_why(app: Flask, session: Session) -> None:
    team = factories.make_team(session)
    shared = factories.make_query(session, "Shared", query="SELECT * FROM time")
    observer = signed_in(app, session, global_role="observer")
    html = page(observer, f"/queries/{shared.id}")
    assert "SELECT * FROM time" in html and '<form method="post" id="query-form"' not in html
    assert observer.get("/queries/new").status_code == 403
    assert names(page(observer, "/queries/manage")) == []
    asker = signed_in(app, session, global_role="observer_plus")
    assert "does not save" in page(asker, "/queries/new")
    assert submit(asker, "/queries/new", {"name": "Q", "query": "SELECT 1"}).status_code == 403
    maintainer = signed_in(app, session, team_roles={team.id: "maintainer"})
    assert submit(maintainer, f"/queries/new?team_id={team.id}", {"name": "Q", "query": "SELECT 1"}).status_code == 403
    mine = {"name": "Q", "query": "SELECT 1", "team_id": str(team.id)}
    assert submit(maintainer, "/queries/new", mine, page="/queries/new").status_code == 303
    assert names(page(maintainer, f"/queries/manage?team_id={team.id}")) == ["Q"]
    stranger = signed_in(app, session, team_roles={factories.make_team(session).id: "admin"})
    assert stranger.get(f"/queries/manage?team_id={team.id}").status_code == 303
    own = session.scalars(select(Query).where(Query.name == "Q")).one()
    assert stranger.get(f"/queries/{own.id}").status_code == 403
    assert stranger.get(f"/queries/delete?id={own.id}").status_code == 403


def test_a_custom_frequency_needs_a_number(browser: FlaskClient, session: Session) -> None:
    blank = {"name": "Q", "query": "SELECT 1", "frequency": "custom", "interval": ""}
    refused = submit(browser, "/queries/new", blank)
    assert refused.status_code == 422
    assert 'id="f-interval-error"' in refused.get_data(as_text=True)
    assert session.scalars(select(Query.id)).all() == []


def test_a_refused_form_does_not_hide_what_another_hand_changed(browser: FlaskClient, session: Session) -> None:
    query = factories.make_query(session, "Uptime", query="SELECT 1")
    session.commit()
    path = f"/queries/{query.id}"
    opened = stamp(page(browser, path))
    query.query = "SELECT 2 -- theirs"
    session.commit()
    form = {"name": " ", "query": "SELECT 3 -- mine", "updated_at": opened}
    refused = submit(browser, path, form)
    assert refused.status_code == 422
    again = form | {"name": "Uptime", "updated_at": stamp(refused.get_data(as_text=True))}
    conflict = submit(browser, path, again)
    assert conflict.status_code == 409
    assert "<del>SELECT 2 -- theirs</del>" in conflict.get_data(as_text=True)


def test_a_query_for_a_team_that_is_gone_is_not_begun(browser: FlaskClient, session: Session) -> None:
    assert browser.get("/queries/new?team_id=999").status_code == 404
    sent = submit(browser, "/queries/new", {"name": "Q", "query": "SELECT 1", "team_id": "999"})
    assert sent.status_code == 404
    assert session.scalars(select(Query.id)).all() == []


def test_a_search_keeps_team_view_and_order_of_the_list(browser: FlaskClient, session: Session) -> None:
    team = factories.make_team(session)
    session.commit()
    html = page(
        browser, f"/queries/manage?team_id={team.id}&view=schedule&platform=linux&query=x&page=2&order_key=interval"
    )
    kept = re.findall(r'<input type="hidden" form="filters" name="([^"]+)" value="([^"]+)">', html)
    assert kept == [("team_id", str(team.id)), ("view", "schedule"), ("order_key", "interval"),
                    ("order_direction", "asc")]  # fmt: skip


def test_a_query_without_logging_is_logged_as_osquery_does(browser: FlaskClient, session: Session) -> None:
    factories.make_query(session, "Plain", interval=60, automations_enabled=True)
    session.commit()
    assert '<td class="nowrap">Differential</td>' in page(browser, "/queries/manage?view=schedule")


def test_queries_of_several_teams_are_deleted_together(browser: FlaskClient, session: Session) -> None:
    team = factories.make_team(session)
    both = [factories.make_query(session), factories.make_query(session, team_id=team.id)]
    session.commit()
    form = {"id": [str(query.id) for query in both]}
    assert submit(browser, "/queries/delete", form, page="/queries/manage").status_code == 303
    assert session.scalars(select(Query.id)).all() == []
