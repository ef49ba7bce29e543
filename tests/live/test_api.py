"""Starting live queries by the API."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from fleet.accounts.models import User
from fleet.activities.models import Activity
from fleet.app_config import service as app_config
from fleet.labels.models import ALL_HOSTS
from fleet.live.models import Campaign, CampaignTarget
from fleet.queries.models import Query
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client, client_of
from tests.live.conftest import run


def test_a_campaign_is_answered_with_its_metrics(admin: Client, hosts: list[int]) -> None:
    response = admin.post("/queries/run", {"query": "SELECT 1", "selected": {"hosts": hosts}}, version="v1")
    assert response.status_code == 200
    campaign = response.json["campaign"]
    assert campaign["created_at"] == campaign["updated_at"] == "0001-01-01T00:00:00Z"
    assert campaign["status"] == 0
    assert campaign["Metrics"] == {
        "TotalHosts": 3,
        "OnlineHosts": 2,
        "OfflineHosts": 1,
        "MissingInActionHosts": 1,
        "NewHosts": 3,
    }
    assert sorted(campaign) == ["Metrics", "created_at", "id", "query_id", "status", "updated_at", "user_id"]


def test_the_hosts_are_asked_and_the_run_is_on_record(
    admin: Client, hosts: list[int], runtime: Runtime, session: Session
) -> None:
    response = admin.post("/queries/run", {"query": "SELECT 1", "selected": {"hosts": hosts[:2], "labels": [7]}})
    campaign_id = response.json["campaign"]["id"]
    assert runtime.live.due(hosts[0]) == {campaign_id: "SELECT 1"}
    assert runtime.live.due(hosts[2]) == {}
    query = session.get(Query, response.json["campaign"]["query_id"])
    assert query and not query.saved and query.query == "SELECT 1"
    targets = session.execute(select(CampaignTarget.type, CampaignTarget.target_id)).all()
    assert sorted(targets) == sorted([(0, 7), (1, hosts[0]), (1, hosts[1])])
    activity = session.scalars(select(Activity).where(Activity.activity_type == "live_query")).one()
    assert activity.details == {"targets_count": 2, "query_sql": "SELECT 1"}


def test_whoever_has_a_very_long_address_may_ask(admin: Client, session: Session, hosts: list[int]) -> None:
    session.execute(update(User).values(email=f"{'x' * 240}@example.com"))
    session.commit()
    assert admin.post("/queries/run", {"query": "SELECT 1", "selected": {"hosts": hosts}}).status_code == 200


def test_a_saved_query_wins_over_sql_and_is_named(
    admin: Client, hosts: list[int], runtime: Runtime, session: Session
) -> None:
    query_id = factories.make_query(session, "Uptime", query="SELECT * FROM uptime").id
    session.commit()
    body = {"query": "SELECT 1", "query_id": query_id, "selected": {"labels": [ALL_HOSTS]}}
    campaign = admin.post("/queries/run", body).json["campaign"]
    assert campaign["query_id"] == query_id
    assert runtime.live.due(hosts[0]) == {campaign["id"]: "SELECT * FROM uptime"}
    details = session.scalars(select(Activity.details).where(Activity.activity_type == "live_query")).one()
    assert details == {"targets_count": 3, "query_sql": "SELECT * FROM uptime", "query_name": "Uptime"}


def test_names_stand_for_ids(admin: Client, hosts: list[int], runtime: Runtime) -> None:
    body = {"query": "SELECT 1", "query_id": None, "selected": {"labels": [""], "hosts": ["ALPHA", "nobody"]}}
    response = admin.post("/queries/run_by_names", body)
    assert response.json["campaign"]["Metrics"]["TotalHosts"] == 1
    assert list(runtime.live.due(hosts[0])) == [response.json["campaign"]["id"]]
    everybody = {"query": "SELECT 1", "selected": {"labels": ["all hosts", "unknown label"], "hosts": [""]}}
    assert admin.post("/queries/run_by_names", everybody).json["campaign"]["Metrics"]["TotalHosts"] == 3


@pytest.mark.parametrize(
    ("path", "body", "status", "name", "reason"),
    [
        ("run", {"selected": {"hosts": [1]}}, 422, "query", "one of query or query_id must be specified"),
        ("run", {"query": " ", "selected": {"hosts": [1]}}, 422, "query", "one of query or query_id must be specified"),
        ("run", {"query_id": 99, "selected": {}}, 404, "base", "Query 99 was not found in the datastore"),
        ("run", {"query_id": 0, "selected": {}}, 404, "base", "Query 0 was not found in the datastore"),
        ("run", {"query": "SELECT 1"}, 400, "base", "no hosts targeted"),
        ("run", {"query": "SELECT 1", "selected": {"hosts": None, "labels": []}}, 400, "base", "no hosts targeted"),
        ("run", {"query": "SELECT 1", "selected": {"labels": [999]}}, 400, "base", "no hosts targeted"),
        ("run", {"query": 1, "selected": {"hosts": [1]}}, 400, "base", "json decoder error"),
        ("run", {"query": "SELECT 1", "selected": {"hosts": ["1"]}}, 400, "base", "json decoder error"),
        ("run", {"query": "SELECT 1", "selected": {"teams": 1}}, 400, "base", "json decoder error"),
        ("run", None, 400, "base", "Expected JSON Body"),
        ("run_by_names", {"query": "SELECT 1", "selected": {"hosts": [1]}}, 400, "base", "json decoder error"),
        ("run_by_names", {"query": "SELECT 1", "selected": {"hosts": ["no"]}}, 400, "base", "no hosts targeted"),
        ("run_by_names", {"query": "SELECT 1", "selected": {"hosts": [""]}}, 400, "base", "no hosts targeted"),
        ("run_by_names", None, 400, "base", "Expected JSON Body"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_leaves_nothing_behind(
    admin: Client, session: Session, hosts: list[int], path: str, body: Any, status: int, name: str, reason: str
) -> None:
    response = admin.post(f"/queries/{path}", body)
    assert response.status_code == status
    assert response.json["errors"][0] == {"name": name, "reason": reason}
    assert session.scalar(select(func.count()).select_from(Campaign)) == 0
    assert session.scalar(select(func.count()).select_from(Query)) == 0


@pytest.mark.parametrize("field", ["query", "selected.hosts"])
def test_a_nul_character_is_refused(admin: Client, hosts: list[int], field: str) -> None:
    body = {"query": "SELECT '\x00'" if field == "query" else "SELECT 1", "selected": {"hosts": ["a\x00"]}}
    assert admin.post("/queries/run_by_names", body).status_code == 422


def test_sql_past_64_kb_is_refused(admin: Client, hosts: list[int]) -> None:
    body = {"query": "SELECT 1 --" + "x" * 70_000, "selected": {"hosts": hosts}}
    response = admin.post("/queries/run", body)
    assert response.status_code == 422
    assert response.json["errors"][0]["name"] == "query"


def test_switched_off_means_nobody_is_asked(
    admin: Client, browser: FlaskClient, session: Session, hosts: list[int], runtime: Runtime
) -> None:
    config = app_config.get(session)
    off = config.server_settings.model_copy(update={"live_query_disabled": True})
    app_config.save(session, config.model_copy(update={"server_settings": off}))
    session.commit()
    body = {"query": "SELECT 1", "selected": {"hosts": hosts}}
    told = admin.post("/queries/run", body), admin.get("/status/live_query")
    assert [answer.status_code for answer in told] == [400, 400]
    assert {answer.json["errors"][0]["reason"] for answer in told} == {"disabled by administrator"}
    shown = factories.submit(browser, "/queries/new/live", {"query": "SELECT 1", "label_ids": "6"})
    assert shown.status_code == 400 and "disabled by administrator" in shown.text
    assert runtime.live.due(hosts[0]) == {}
    assert session.scalars(select(Query.id)).all() == []


def test_no_host_is_asked_before_the_campaign_stands_in_the_database(
    admin: Client, browser: FlaskClient, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    stood: list[bool] = []
    ask = runtime.live.start

    def noted(campaign_id: int, sql: str, host_ids: list[int]) -> None:
        with Session(runtime.engine) as other:
            stood.append(other.get(Campaign, campaign_id) is not None)
        ask(campaign_id, sql, host_ids)

    monkeypatch.setattr(runtime.live, "start", noted)
    run(admin, hosts)
    factories.submit(browser, "/queries/new/live", {"query": "SELECT 1", "label_ids": "6"})
    assert stood == [True, True]
    assert len(runtime.live.due(hosts[0])) == 2


@pytest.mark.parametrize(
    ("role", "ad_hoc", "open_query", "closed_query"),
    [
        ("admin", 200, 200, 200),
        ("maintainer", 200, 200, 200),
        ("observer_plus", 200, 200, 200),
        ("observer", 403, 200, 403),
        ("gitops", 403, 403, 403),
    ],
)
def test_what_each_global_role_may_run(
    app: Flask, session: Session, hosts: list[int], role: str, ad_hoc: int, open_query: int, closed_query: int
) -> None:
    open_id = factories.make_query(session, observer_can_run=True).id
    closed_id = factories.make_query(session).id
    session.commit()
    client = client_of(app, global_role=role)
    questions: list[dict[str, Any]] = [{"query": "SELECT 1"}, {"query_id": open_id}, {"query_id": closed_id}]
    got = [client.post("/queries/run", {**one, "selected": {"hosts": hosts}}).status_code for one in questions]
    assert got == [ad_hoc, open_query, closed_query]


def test_nobody_may_run_anything_signed_out(anonymous: Client, hosts: list[int]) -> None:
    for path in ("run", "run_by_names"):
        body = {"query": "SELECT 1", "selected": {}}
        assert anonymous.post(f"/queries/{path}", body).status_code == 401
    assert anonymous.call("GET", "/queries/run", {"query_ids": [1], "host_ids": []}).status_code == 401


def test_what_team_roles_may_run(app: Flask, session: Session, hosts: list[int]) -> None:
    red, blue = factories.make_team(session).id, factories.make_team(session).id
    own = factories.make_host(session, team_id=red).id
    other = factories.make_host(session, team_id=blue).id
    open_query = factories.make_query(session, observer_can_run=True).id
    blues = factories.make_query(session, team_id=blue).id
    session.commit()
    maintainer = client_of(app, team_roles={red: "maintainer", blue: "observer"})
    watcher = client_of(app, team_roles={red: "observer"})

    def status(client: Client, **body: Any) -> int:
        return client.post("/queries/run", body).status_code

    assert status(maintainer, query="SELECT 1", selected={"hosts": [own]}) == 200
    assert status(maintainer, query="SELECT 1", selected={"hosts": [other, hosts[0]]}) == 400
    assert status(maintainer, query="SELECT 1", selected={"teams": [red]}) == 200
    assert status(maintainer, query="SELECT 1", selected={"teams": [red, blue]}) == 403
    assert status(maintainer, query_id=blues, selected={"hosts": [own]}) == 403
    assert status(maintainer, query_id=open_query, selected={"teams": [red, blue]}) == 200
    assert status(watcher, query="SELECT 1", selected={"hosts": [own]}) == 403
    assert status(watcher, query_id=open_query, selected={"hosts": [own]}) == 200
    assert status(watcher, query_id=open_query, selected={"hosts": [other]}) == 400


def test_hosts_that_one_may_not_ask_are_left_out(app: Flask, session: Session, hosts: list[int]) -> None:
    red = factories.make_team(session).id
    own = factories.make_host(session, team_id=red).id
    session.commit()
    client = client_of(app, team_roles={red: "maintainer"})
    response = client.post("/queries/run", {"query": "SELECT 1", "selected": {"hosts": [own, *hosts]}})
    assert response.json["campaign"]["Metrics"]["TotalHosts"] == 1
