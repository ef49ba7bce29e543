"""Which hosts whom: by every route that names one, and by every list."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from fleet.hosts.models import Host
from tests import factories
from tests.conftest import Client, client_of


@pytest.fixture
def two_teams(session: Session) -> tuple[Host, Host, Host]:
    """A host of one team, of another, and of none."""
    one, two = factories.make_team(session), factories.make_team(session)
    hosts = (
        factories.make_host(session, hostname="mine", team_id=one.id, uuid="mine-uuid"),
        factories.make_host(session, hostname="theirs", team_id=two.id, uuid="their-uuid"),
        factories.make_host(session, hostname="free", uuid="free-uuid"),
    )
    session.commit()
    return hosts


ROLES = ("admin", "maintainer", "observer_plus", "observer")


def test_a_team_role_sees_its_own_hosts_and_no_data_of_others(app: Flask, two_teams: tuple[Host, Host, Host]) -> None:
    mine, theirs, free = two_teams
    for role in ROLES:  # fmt: skip
        client = client_of(app, team_roles={mine.team_id or 0: role})
        assert [host["hostname"] for host in client.get("/hosts").json["hosts"]] == ["mine"]
        assert client.get("/hosts/count").json == {"count": 1}
        assert client.get(f"/hosts?team_id={theirs.team_id}").json == {"hosts": []}
        assert client.get("/host_summary").json["totals_hosts_count"] == 1
        assert [host["hostname"] for host in client.get("/labels/6/hosts").json["hosts"]] == ["mine"]
        assert client.get("/labels/6").json["label"]["count"] == 1
        assert "theirs" not in client.get("/hosts/report?format=csv").text
        assert client.get(f"/hosts/{mine.id}").status_code == 200
        for other in (theirs, free):
            for answer in (
                client.get(f"/hosts/{other.id}"),
                client.get(f"/hosts/identifier/{other.uuid}"),
                client.post(f"/hosts/{other.id}/refetch"),
                client.delete(f"/hosts/{other.id}"),
            ):
                assert answer.status_code == 403
                assert other.hostname not in answer.text


def test_a_global_role_sees_every_host(app: Flask, two_teams: tuple[Host, Host, Host]) -> None:
    for role in ["admin", "maintainer", "observer_plus", "observer"]:  # fmt: skip
        client = client_of(app, global_role=role)
        assert client.get("/hosts/count").json == {"count": 3}
        for host in two_teams:
            assert client.get(f"/hosts/{host.id}").status_code == 200


def test_gitops_reads_no_host(app: Flask, two_teams: tuple[Host, Host, Host]) -> None:
    client = client_of(app, global_role="gitops")
    for path in ("/hosts", "/hosts/count", "/hosts/report?format=csv", "/host_summary", f"/hosts/{two_teams[0].id}",
                 "/labels", "/labels/6", "/labels/6/hosts", "/labels/summary", "/spec/labels",
                 "/spec/labels/macOS"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 403, path
        assert answer.json["errors"] == [{"name": "base", "reason": "forbidden"}]


def test_nobody_reads_hosts_without_a_token(anonymous: Client) -> None:
    answer = anonymous.get("/hosts")
    assert (answer.status_code, answer.json["message"]) == (401, "Authorization header required")


def test_a_hostname_in_two_teams_is_found_in_the_own_one(app: Flask, session: Session) -> None:
    other, own = factories.make_team(session), factories.make_team(session)
    factories.make_host(session, hostname="same", team_id=other.id)
    mine = factories.make_host(session, hostname="same", team_id=own.id)
    session.commit()
    client = client_of(app, team_roles={own.id: "observer"})
    assert client.get("/hosts/identifier/same").json["host"]["id"] == mine.id


def test_no_answer_holds_a_key_of_a_host(admin: Client, session: Session) -> None:
    host = factories.make_host(session, node_key="a-node-key", osquery_host_id="the-osquery-id")
    session.commit()
    for path in ("/hosts", f"/hosts/{host.id}", "/hosts/report?format=csv"):
        text = admin.get(path).text
        for secret in ("a-node-key", host.node_key_digest or "", "the-osquery-id", "node_key"):
            assert secret not in text
