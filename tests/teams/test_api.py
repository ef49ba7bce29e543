"""The list of teams, as each role sees it."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from fleet.teams.models import EnrollSecret
from tests import factories
from tests.conftest import Client, client_of


@pytest.fixture
def two(session: Session) -> tuple[int, int]:
    teams = [factories.make_team(session, name) for name in ("Workstations", "Servers")]
    ids = (teams[0].id, teams[1].id)
    session.add(EnrollSecret(secret="of-the-workstations", team_id=ids[0]))
    factories.make_host(session, team_id=ids[0])
    session.commit()
    return ids


def names(client: Client, query: str = "") -> list[str]:
    return [team["name"] for team in client.get("/teams" + query).get_json()["teams"]]


def first(client: Client) -> dict[str, Any]:
    team: dict[str, Any] = client.get("/teams?order_key=id").get_json()["teams"][0]
    return team


def test_a_team_is_shown_with_its_counts_and_secrets(two: tuple[int, int], admin: Client) -> None:
    team = first(admin)
    assert set(team) == {
        "id", "created_at", "name", "description", "webhook_settings", "integrations", "features", "mdm",
        "user_count", "host_count", "secrets",
    }  # fmt: skip
    assert (team["user_count"], team["host_count"]) == (0, 1)
    [secret] = team["secrets"]
    assert (secret["secret"], secret["team_id"]) == ("of-the-workstations", two[0])
    assert names(admin, "?query=serv") == ["Servers"]
    assert names(admin, "?order_key=name&per_page=1&page=1") == ["Workstations"]


def test_each_role_sees_its_teams(two: tuple[int, int], app: Flask) -> None:
    assert names(client_of(app, global_role="observer"), "?order_key=id") == ["Workstations", "Servers"]
    assert names(client_of(app, global_role="gitops")) == []
    assert names(client_of(app, team_roles={two[1]: "observer"})) == ["Servers"]
    assert names(client_of(app, team_roles={two[1]: "gitops"})) == []


def test_observers_see_no_secret(two: tuple[int, int], app: Flask) -> None:
    for role in ("observer", "observer_plus"):
        for client in (client_of(app, global_role=role), client_of(app, team_roles={two[0]: role})):
            assert first(client)["secrets"][0]["secret"] == "********"
    assert first(client_of(app, team_roles={two[0]: "maintainer"}))["secrets"][0]["secret"] == "of-the-workstations"


@pytest.mark.parametrize("key", ["agent_options", "nope", "`id`", "name_key"])
def test_only_named_keys_order_the_list(admin: Client, key: str) -> None:
    assert admin.get("/teams", query_string={"order_key": key}).status_code == 422
