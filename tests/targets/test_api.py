"""The JSON routes of targets."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.orm import Session

from fleet.labels.models import ALL_HOSTS, Label, LabelType
from fleet.teams.models import EnrollSecret
from tests import factories
from tests.conftest import Client, client_of


@pytest.fixture
def hosts(session: Session) -> list[int]:
    """Two hosts, one of them offline."""
    ids = [factories.make_host(session, hostname="orion").id, factories.make_host(session, online=False).id]
    session.commit()
    return ids


def test_a_count_is_three_numbers(admin: Client, hosts: list[int]) -> None:
    answer = admin.post("/targets/count", {"selected": {"labels": [ALL_HOSTS], "hosts": None}})
    assert answer.status_code == 200
    assert answer.json == {"targets_count": 2, "targets_online": 1, "targets_offline": 1}


def test_nothing_selected_counts_nothing(admin: Client, hosts: list[int]) -> None:
    nothing = {"targets_count": 0, "targets_online": 0, "targets_offline": 0}
    for body in ({}, {"selected": {}}, {"selected": None}, {"selected": {"labels": [999]}}):
        assert admin.post("/targets/count", body).json == nothing


def test_observers_count_hosts_only_for_queries_that_they_may_run(
    session: Session, observer: Client, hosts: list[int]
) -> None:
    theirs = factories.make_query(session, observer_can_run=True).id
    other = factories.make_query(session).id
    session.commit()
    count = {
        query_id: observer.post("/targets/count", {"query_id": query_id, "selected": {"hosts": hosts}}).json
        for query_id in (None, theirs, other)
    }
    assert [answer["targets_count"] for answer in count.values()] == [0, 2, 0]


def test_a_team_maintainer_counts_only_hosts_of_the_team(app: Flask, session: Session, hosts: list[int]) -> None:
    team = factories.make_team(session).id
    factories.make_host(session, team_id=team)
    session.commit()
    client = client_of(app, team_roles={team: "maintainer"})
    assert client.post("/targets/count", {"selected": {"labels": [ALL_HOSTS]}}).json["targets_count"] == 1


@pytest.mark.parametrize("query_id", [0, 99])
def test_an_unknown_query_is_not_found(admin: Client, query_id: int) -> None:
    for path in ("/targets/count", "/targets"):
        answer = admin.post(path, {"query_id": query_id})
        assert answer.status_code == 404
        assert answer.json["errors"] == [{"name": "base", "reason": f"Query {query_id} was not found in the datastore"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"selected": {"labels": "all"}}, 400),
        ({"selected": {"hosts": [-1]}}, 400),
        ({"selected": {"hosts": ["1"]}}, 400),
        ({"selected": {"hosts": [None]}}, 400),
        ({"selected": {"hosts": [1.5]}}, 400),
        ({"selected": {"teams": {}}}, 400),
        ({"selected": [1]}, 400),
        ({"query_id": "1"}, 400),
        ([], 400),
        ({"selected": {"hosts": [2**63]}}, 422),
        ({"query": "x" * 2000}, 422),
        ({"query": "a\x00b"}, 422),
    ],
)
def test_bad_input_is_refused(admin: Client, body: Any, status: int) -> None:
    for path in ("/targets/count", "/targets"):
        assert admin.post(path, body).status_code == status


def test_no_body_is_refused(admin: Client) -> None:
    for path in ("/targets/count", "/targets"):
        answer = admin.post(path)
        assert answer.status_code == 400
        assert answer.json["errors"][0]["reason"] == "Expected JSON Body"


def test_gitops_and_strangers_may_not_look(app: Flask, anonymous: Client) -> None:
    gitops = client_of(app, global_role="gitops")
    for path in ("/targets/count", "/targets"):
        assert gitops.post(path, {"query": ""}).status_code == 403
        assert anonymous.post(path, {"query": ""}).status_code == 401


def test_a_search_finds_hosts_labels_and_teams_and_counts_what_is_selected(
    admin: Client, session: Session, hosts: list[int]
) -> None:
    team = factories.make_team(session, "Orion people").id
    session.add(EnrollSecret(secret="do-not-show", team_id=team))
    factories.make_label(session, "Near Orion")
    session.commit()
    answer = admin.post("/targets", {"query": "orion", "selected": {"hosts": [hosts[1]]}})
    found = answer.json["targets"]
    assert [host["id"] for host in found["hosts"]] == [hosts[0]]
    assert [(one["name"], one["count"]) for one in found["labels"]] == [("Near Orion", 0), ("All Hosts", 2)]
    assert "host_ids" not in found["labels"][0]
    assert [(one["id"], one["display_text"], one["count"]) for one in found["teams"]] == [(team, "Orion people", 0)]
    assert "do-not-show" not in answer.text
    assert [(one["secret"], one["team_id"]) for one in found["teams"][0]["secrets"]] == [("********", team)]
    counts = [answer.json[f"targets_{name}"] for name in ("count", "online", "offline", "missing_in_action")]
    assert counts == [1, 0, 1, 1]


def test_a_found_host_tells_its_team_by_id_and_a_team_without_secrets_shows_none(
    admin: Client, session: Session
) -> None:
    team = factories.make_team(session).id
    factories.make_host(session, team_id=team)
    session.commit()
    found = admin.post("/targets", {"query": ""}).json["targets"]
    assert [(host["team_id"], host["team_name"]) for host in found["hosts"]] == [(team, None)]
    assert "secrets" not in found["teams"][0]


def test_a_team_maintainer_finds_the_own_team_and_its_hosts(app: Flask, session: Session, hosts: list[int]) -> None:
    own, other = factories.make_team(session).id, factories.make_team(session).id
    host = factories.make_host(session, team_id=own).id
    factories.make_host(session, team_id=other)
    session.commit()
    found = client_of(app, team_roles={own: "maintainer", other: "observer"}).post("/targets", {"query": ""}).json
    assert [one["id"] for one in found["targets"]["hosts"]] == [host]
    assert [(one["id"], one["count"]) for one in found["targets"]["teams"]] == [(own, 1)]
    assert [one["count"] for one in found["targets"]["labels"] if one["id"] == ALL_HOSTS] == [1]


def test_what_is_selected_is_not_found_again(admin: Client, session: Session, hosts: list[int]) -> None:
    chosen, other = factories.make_team(session).id, factories.make_team(session).id
    session.commit()
    selected = {"hosts": [hosts[0]], "labels": [ALL_HOSTS, 7], "teams": [chosen]}
    answer = admin.post("/targets", {"query": "", "selected": selected}).json
    assert [team["id"] for team in answer["targets"]["teams"]] == [other]
    assert [host["id"] for host in answer["targets"]["hosts"]] == [hosts[1]]
    assert not {ALL_HOSTS, 7} & {label["id"] for label in answer["targets"]["labels"]}
    assert answer["targets_count"] == 2


def test_built_in_labels_come_first_and_a_single_letter_finds_all(admin: Client, session: Session) -> None:
    factories.make_label(session, "Mine")
    session.execute(update(Label).where(Label.id == 7).values(label_type=int(LabelType.REGULAR)))
    session.commit()
    for text in ("", "m", " x "):
        ids = [one["id"] for one in admin.post("/targets", {"query": text}).json["targets"]["labels"]]
        assert ids == [6, 8, 9, 10, 11, 12, 13, 7, 14]


def test_words_find_the_beginnings_of_words_in_label_names(admin: Client) -> None:
    names = [one["name"] for one in admin.post("/targets", {"query": "LIN"}).json["targets"]["labels"]]
    assert "All Linux" in names
    assert "macOS" not in names
    assert names[-1] == "All Hosts"


def test_search_text_is_plain_text(admin: Client, hosts: list[int]) -> None:
    for text in ("%", "_", "'", '"; DROP TABLE hosts; --', "\\"):
        assert admin.post("/targets", {"query": text}).json["targets"]["hosts"] == []


def test_numbers_past_every_database_are_refused(admin: Client) -> None:
    huge = b'{"selected": {"hosts": [1180591620717411303424]}}'
    headers = {"Authorization": f"Bearer {admin.token}"}
    answer = admin.flask.post("/api/v1/fleet/targets/count", data=huge, headers=headers)
    assert answer.status_code in (400, 422)
