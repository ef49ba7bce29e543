"""Global enroll secrets: who reads and replaces them, and what lets a host in."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from fleet.teams import secrets
from fleet.teams.models import EnrollSecret
from tests import factories
from tests.conftest import Client, client_of

PATH = "/spec/enroll_secret"


def apply(client: Client, *texts: Any) -> Any:
    return client.post(PATH, {"spec": {"secrets": [{"secret": text} for text in texts]}})


def shown(client: Client) -> dict[str, str]:
    return {one["secret"]: one["created_at"] for one in client.get(PATH).get_json()["spec"]["secrets"]}


def test_secrets_are_replaced_and_those_that_stay_keep_their_time(admin: Client, session: Session) -> None:
    row = session.get(EnrollSecret, factories.SECRET)
    assert row is not None
    row.created_at = row.created_at.replace(year=2020)
    session.commit()
    before = shown(admin)
    assert apply(admin, "first", factories.SECRET).get_json() == {}
    after = shown(admin)
    assert list(after) == [factories.SECRET, "first"]
    assert after[factories.SECRET] == before[factories.SECRET]
    assert apply(admin, "second").status_code == 200
    assert list(shown(admin)) == ["second"]


@pytest.mark.parametrize("spec", [{"secrets": []}, {"secrets": None}, {}])
def test_an_empty_list_leaves_none(admin: Client, spec: Any) -> None:
    assert admin.post(PATH, {"spec": spec}).status_code == 200
    assert shown(admin) == {}


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ({}, 400, "spec"),
        ({"spec": None}, 400, "spec"),
        ({"spec": []}, 400, "spec"),
        ({"spec": {"secrets": "x"}}, 400, "spec.secrets"),
        ({"spec": {"secrets": [7]}}, 400, "spec.secrets.0"),
        ({"spec": {"secrets": [{"secret": 7}]}}, 400, "spec.secrets.0.secret"),
        ({"spec": {"secrets": [{"secret": ""}]}}, 422, "secrets.0.secret"),
        ({"spec": {"secrets": [{"secret": None}]}}, 422, "secrets.0.secret"),
        ({"spec": {"secrets": [{}]}}, 422, "secrets.0.secret"),
        ({"spec": {"secrets": [{"secret": "x" * 256}]}}, 422, "secrets.0.secret"),
        ({"spec": {"secrets": [{"secret": "a\x00b"}]}}, 422, "secret"),
        ({"spec": {"secrets": [{"secret": str(number)} for number in range(51)]}}, 422, "secrets"),
        ({"spec": {"secrets": [{"secret": "twice"}, {"secret": "twice"}]}}, 409, "secrets"),
    ],
)
def test_what_will_not_do_is_refused_as_a_whole(admin: Client, body: Any, status: int, name: str) -> None:
    answer = admin.post(PATH, body)
    assert (answer.status_code, answer.get_json()["errors"][-1]["name"]) == (status, name)
    assert list(shown(admin)) == [factories.SECRET]


def test_the_secret_of_a_team_is_not_taken_over(admin: Client, session: Session) -> None:
    team = factories.make_team(session)
    session.add(EnrollSecret(secret="of-a-team", team_id=team.id))
    session.commit()
    answer = apply(admin, "new", "of-a-team")
    assert answer.status_code == 409
    assert "of-a-team" not in answer.get_data(as_text=True)
    assert list(shown(admin)) == [factories.SECRET]


def test_gitops_writes_what_it_does_not_read(app: Flask) -> None:
    gitops = client_of(app, global_role="gitops")
    assert apply(gitops, "one").status_code == 200
    assert gitops.get(PATH).status_code == 403


def test_a_host_gets_in_with_exactly_a_secret(session: Session) -> None:
    team = factories.make_team(session)
    session.add_all([EnrollSecret(secret="Global"), EnrollSecret(secret="Team ü", team_id=team.id)])
    session.flush()
    assert secrets.verify(session.connection(), "Global") == (True, None)
    assert secrets.verify(session.connection(), "Team ü") == (True, team.id)
    for wrong in (
        "",
        "global",
        "Global ",
        " Global",
        "Glob",
        "Global\x00",
        "Team u\u0308",
        "\ud800",
        "x" * 10_000,
        "%",
    ):
        assert secrets.verify(session.connection(), wrong) == (False, None)


class TestFixed:
    """With a secret in the settings."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_PACKAGING_GLOBAL_ENROLL_SECRET": "fixed-by-settings"}

    def test_it_cannot_be_replaced(self, admin: Client) -> None:
        answer = apply(admin, "other")
        assert (answer.status_code, answer.get_json()["errors"][0]["name"]) == (422, "secrets")
        assert list(shown(admin)) == [factories.SECRET]
