"""Searching hosts to pick some of them."""

from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import Client, client_of


def test_a_search_finds_the_newest_and_leaves_out_the_excluded(admin: Client, session: Session) -> None:
    hosts = [factories.make_host(session, hostname=f"web-{number}") for number in range(12)]
    session.commit()

    def found(body: dict[str, Any]) -> list[int]:
        answer = admin.post("/hosts/search", body)
        assert answer.status_code == 200
        assert answer.json["targets"] == {"hosts": answer.json["hosts"]}
        return [host["id"] for host in answer.json["hosts"]]

    newest = [host.id for host in reversed(hosts)]
    assert found({}) == newest[:10]
    assert found({"query": "WEB-1", "query_id": None}) == [newest[0], newest[1], newest[10]]
    assert found({"query": "web", "excluded_host_ids": newest[:5]}) == newest[5:]
    assert found({"query": "a@b.example"}) == []


def test_a_search_of_an_observer_sees_hosts_only_for_queries_that_observers_run(
    app: Flask, observer: Client, session: Session
) -> None:
    factories.make_host(session)
    may = factories.make_query(session, observer_can_run=True)
    may_not = factories.make_query(session)
    session.commit()
    assert observer.post("/hosts/search", {"query": ""}).json["hosts"] == []
    assert observer.post("/hosts/search", {"query_id": may_not.id}).json["hosts"] == []
    assert len(observer.post("/hosts/search", {"query_id": may.id}).json["hosts"]) == 1
    assert observer.post("/hosts/search", {"query_id": 999}).status_code == 404
    assert client_of(app, global_role="gitops").post("/hosts/search", {}).status_code == 403


def test_a_found_host_tells_its_team_by_id_alone(admin: Client, session: Session) -> None:
    team = factories.make_team(session).id
    factories.make_host(session, team_id=team)
    session.commit()
    (host,) = admin.post("/hosts/search", {"query": ""}).json["hosts"]
    assert (host["team_id"], host["team_name"]) == (team, None)


def test_a_search_with_wrong_types_is_refused(admin: Client) -> None:
    bodies: list[Any] = [{"query": 5}, {"query_id": "x"}, {"excluded_host_ids": [None]}, {"excluded_host_ids": [-1]}]
    for body in [*bodies, [], "x"]:
        assert admin.post("/hosts/search", body).status_code == 400


def test_a_search_without_a_body_is_refused(admin: Client) -> None:
    answer = admin.post("/hosts/search")
    assert (answer.status_code, answer.json["errors"][0]["reason"]) == (400, "Expected JSON Body")
