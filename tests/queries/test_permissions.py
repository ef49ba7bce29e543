"""Who may see and change queries; the loaded row decides, not what was asked for."""

from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import Client, client_of


def test_observers_see_in_lists_what_they_may_run(observer: Client, session: Session) -> None:
    factories.make_query(session, "Open", observer_can_run=True, interval=60, automations_enabled=True)
    closed = factories.make_query(session, "Closed", interval=60, automations_enabled=True)
    session.commit()
    assert [query["name"] for query in observer.get("/queries").json["queries"]] == ["Open"]
    assert [spec["name"] for spec in observer.get("/spec/queries").json["specs"]] == ["Open"]
    assert [entry["name"] for entry in observer.get("/schedule").json["global_schedule"]] == ["Open"]
    assert observer.get(f"/queries/{closed.id}").status_code == 200


def test_observers_change_nothing(observer: Client, session: Session) -> None:
    query = factories.make_query(session, "Uptime", observer_can_run=True)
    session.commit()
    answers = [
        observer.post("/queries", {"name": "Q", "query": "SELECT 1"}),
        observer.patch(f"/queries/{query.id}", {"name": "x"}),
        observer.delete("/queries/Uptime"),
        observer.delete(f"/queries/id/{query.id}"),
        observer.post("/queries/delete", {"ids": [query.id]}),
        observer.post("/queries/delete", {"ids": []}),
        observer.post("/spec/queries", {"specs": [{"name": "Q", "query": "SELECT 1"}]}),
        observer.post("/spec/queries", {"specs": []}),
        observer.post("/schedule", {"query_id": query.id, "interval": 60}),
        observer.patch(f"/schedule/{query.id}", {"interval": 60}),
        observer.delete(f"/schedule/{query.id}"),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)


def test_nobody_signed_in_learns_nothing(anonymous: Client, session: Session) -> None:
    query = factories.make_query(session)
    session.commit()
    for path in (f"/queries/{query.id}", "/queries/999", "/queries", "/spec/queries/nope", "/teams/x/schedule"):
        assert anonymous.get(path).status_code == 401


def test_team_roles_reach_their_own_team_only(app: Flask, session: Session) -> None:
    mine, other = factories.make_team(session, "Mine"), factories.make_team(session, "Other")
    theirs = factories.make_query(session, "Theirs", team_id=other.id)
    own = factories.make_query(session, "Own", team_id=mine.id)
    shared = factories.make_query(session, "Shared")
    session.commit()
    maintainer = client_of(app, team_roles={mine.id: "maintainer"})
    assert maintainer.post("/queries", {"name": "Q", "query": "SELECT 1", "team_id": mine.id}).status_code == 200
    assert maintainer.patch(f"/queries/{own.id}", {"interval": 5}).status_code == 200
    assert maintainer.get(f"/queries/{shared.id}").status_code == 200
    assert maintainer.post("/spec/queries", {"specs": [{"name": "S", "query": "SELECT 1", "team": "Mine"}]}).json == {}
    refused = [
        maintainer.get(f"/queries/{theirs.id}"),
        maintainer.get(f"/queries?team_id={other.id}"),
        maintainer.patch(f"/queries/{theirs.id}", {"interval": 5, "team_id": mine.id}),
        maintainer.patch(f"/queries/{shared.id}", {"interval": 5}),
        maintainer.delete(f"/queries/id/{theirs.id}"),
        maintainer.delete("/queries/Shared"),
        maintainer.post("/queries/delete", {"ids": [own.id, theirs.id]}),
        maintainer.post("/queries", {"name": "Q2", "query": "SELECT 1"}),
        maintainer.post("/spec/queries", {"specs": [{"name": "S", "query": "SELECT 1", "team": "Other"}]}),
        maintainer.post("/spec/queries", {"specs": [{"name": "S", "query": "SELECT 1"}]}),
        maintainer.get(f"/teams/{other.id}/schedule"),
        maintainer.post(f"/teams/{other.id}/schedule", {"query_id": shared.id, "interval": 60}),
        maintainer.patch(f"/teams/{mine.id}/schedule/{theirs.id}", {"interval": 60}),
        maintainer.delete(f"/schedule/{theirs.id}"),
        maintainer.get(f"/spec/queries/Theirs?team_id={other.id}"),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)


def test_observers_of_a_team_see_what_they_may_run_there(app: Flask, session: Session) -> None:
    team = factories.make_team(session)
    factories.make_query(session, "Open", team_id=team.id, observer_can_run=True)
    factories.make_query(session, "Closed", team_id=team.id)
    session.commit()
    watcher = client_of(app, team_roles={team.id: "observer"})
    asker = client_of(app, team_roles={team.id: "observer_plus"})
    assert [query["name"] for query in watcher.get(f"/queries?team_id={team.id}").json["queries"]] == ["Open"]
    assert len(asker.get(f"/queries?team_id={team.id}").json["queries"]) == 2


def test_gitops_writes_without_reading(app: Flask, session: Session) -> None:
    gitops = client_of(app, global_role="gitops")
    assert gitops.post("/spec/queries", {"specs": [{"name": "Q", "query": "SELECT 1"}]}).json == {}
    assert gitops.get("/queries").status_code == 403
    assert gitops.get("/spec/queries").status_code == 403


def test_what_was_asked_once_is_there_for_who_asked_it_alone(app: Flask, admin: Client, session: Session) -> None:
    host = factories.make_host(session)
    pack = factories.make_pack(session)
    session.commit()
    asker = client_of(app, global_role="observer_plus")
    targets = {"hosts": [host.id]}
    campaign = asker.post("/queries/run", {"query": "SELECT 'mine'", "selected": targets}).json["campaign"]
    query_id = campaign["query_id"]
    name = asker.get(f"/queries/{query_id}").json["query"]["name"]
    assert asker.post("/queries/run", {"query_id": query_id, "selected": targets}).status_code == 200
    answers = [
        admin.get(f"/queries/{query_id}"),
        admin.patch(f"/queries/{query_id}", {"query": "SELECT 'theirs'"}),
        admin.delete(f"/queries/id/{query_id}"),
        admin.post("/queries/delete", {"ids": [query_id]}),
        admin.post("/queries/run", {"query_id": query_id, "selected": targets}),
        admin.post("/queries/run_by_names", {"query_id": query_id, "selected": {"hosts": [host.hostname]}}),
        admin.post("/targets", {"query_id": query_id}),
        admin.post("/targets/count", {"query_id": query_id}),
        admin.post("/hosts/search", {"query_id": query_id}),
        admin.post("/schedule", {"query_id": query_id, "interval": 60}),
        admin.patch(f"/schedule/{query_id}", {"interval": 60}),
        admin.post("/packs/schedule", {"query_id": query_id, "pack_id": pack.id, "interval": 60}),
        admin.get(f"/spec/queries/{name}"),
        admin.delete(f"/queries/{name}"),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    run = admin.call("GET", "/queries/run", {"query_ids": [query_id], "host_ids": [host.id]}).json
    assert run["live_query_results"][0]["error"] == f": Query {query_id} was not found in the datastore"
