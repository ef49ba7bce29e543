"""Deleting hosts: only those that were named, by those who may, and with all they reported."""

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.db.changes import Change
from fleet.hosts import lifecycle
from fleet.hosts.models import Host, HostAdditional, HostDisk, HostSeen
from fleet.labels.models import LabelMembership
from fleet.packs.models import PackTarget, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client, client_of


def left(session: Session) -> list[str]:
    session.commit()
    return list(session.scalars(select(Host.hostname).order_by(Host.id)))


def make(session: Session, *hostnames: str, **fields: Any) -> list[Host]:
    hosts = [factories.make_host(session, hostname=hostname, **fields) for hostname in hostnames]
    session.commit()
    return hosts


def test_a_deleted_host_leaves_nothing_and_every_process_hears_of_it(admin: Client, session: Session) -> None:
    gone, stays = make(session, "gone", "stays")
    pack = factories.make_pack(session)
    session.add_all([
        HostDisk(host_id=gone.id), HostAdditional(host_id=gone.id, additional="{}"),
        PackTarget(pack_id=pack.id, type=TargetType.HOST, target_id=gone.id),
        PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=gone.id),
    ])  # fmt: skip
    session.commit()
    gone_id = gone.id
    assert admin.delete(f"/hosts/{gone_id}").json == {}
    assert left(session) == ["stays"]
    for table in (HostSeen, HostDisk, HostAdditional, LabelMembership):
        assert session.scalar(select(func.count()).select_from(table).where(table.host_id == gone_id)) == 0
    assert session.scalars(select(PackTarget.type)).all() == [TargetType.LABEL]
    assert session.scalars(select(Change.subject).where(Change.topic == "host")).all() == [gone_id]
    assert admin.get(f"/hosts/{gone_id}").status_code == 404


def test_hosts_are_deleted_by_id_or_by_filter(admin: Client, session: Session) -> None:
    first, *_ = make(session, "a-1", "a-2", "temp-1", "temp-2")
    assert admin.post("/hosts/delete", {"ids": [first.id]}).json == {}
    assert left(session) == ["a-2", "temp-1", "temp-2"]
    filters = {"query": "temp-", "status": "", "label_id": None, "team_id": None}
    assert admin.post("/hosts/delete", {"filters": filters}).json == {}
    assert left(session) == ["a-2"]
    assert admin.post("/hosts/delete", {"filters": {}}).json == {}
    assert left(session) == []


def test_nothing_named_means_nothing_deleted(admin: Client, session: Session) -> None:
    make(session, "one", "two")
    for body, status in [
        ({}, 422),
        (None, 400),
        ({"ids": []}, 422),
        ({"ids": None}, 422),
        ({"filters": None}, 422),
        ({"filter": {}}, 422),
        ({"ids": [1], "filters": {"query": "x"}}, 400),
        ({"ids": [], "filters": {}}, 400),
        ({"ids": ["1"]}, 400),
        ({"ids": [True]}, 400),
        ({"ids": [-1]}, 400),
        ({"ids": [1.5]}, 400),
        ({"ids": 1}, 400),
        ({"ids": [2**63]}, 422),
        ({"ids": [999]}, 404),
        ({"filters": {"status": "nope"}}, 400),
        ({"filters": {"status": "ONLINE"}}, 400),
        ({"filters": {"label": 6}}, 422),
        ({"filters": {"hostname": "x"}}, 422),
        ({"filters": {"query": 1}}, 400),
        ({"filters": {"query": "a\x00"}}, 422),
        ({"filters": []}, 400),
        ({"filters": {"label_id": "6"}}, 400),
        ([], 400),
    ]:
        answer = admin.post("/hosts/delete", body)
        assert answer.status_code == status, answer.text
        assert answer.json["errors"][0]["name"]
        assert left(session) == ["one", "two"]


def test_an_unknown_id_among_known_ones_deletes_none(admin: Client, session: Session) -> None:
    (host,) = make(session, "one")
    answer = admin.post("/hosts/delete", {"ids": [host.id, 999]})
    assert answer.status_code == 404
    assert answer.json["errors"][0]["reason"] == "Host 999 was not found in the datastore"
    assert left(session) == ["one"]


def test_a_filter_that_fits_no_host_deletes_none(admin: Client, session: Session) -> None:
    make(session, "one")
    for filters in [{"label_id": 999}, {"team_id": 999}, {"query": "nothing like it"}]:  # fmt: skip
        assert admin.post("/hosts/delete", {"filters": filters}).status_code == 200
        assert left(session) == ["one"]


def test_more_hosts_than_fit_into_one_statement_are_deleted(admin: Client, session: Session) -> None:
    hosts = [Host(hostname=f"h-{number}") for number in range(1203)]
    session.add_all(hosts)
    session.commit()
    assert admin.post("/hosts/delete", {"ids": [host.id for host in hosts[:1202]]}).status_code == 200
    assert left(session) == ["h-1202"]


def test_roles_that_may_not_write_hosts_delete_none(app: Flask, session: Session) -> None:
    (host,) = make(session, "one")
    for role in ["observer", "observer_plus", "gitops"]:  # fmt: skip
        client = client_of(app, global_role=role)
        assert client.delete(f"/hosts/{host.id}").status_code == 403
        assert client.post("/hosts/delete", {"ids": [host.id]}).status_code == 403
        assert client.post("/hosts/delete", {"filters": {}}).status_code == 403
        assert left(session) == ["one"]


def test_a_team_admin_deletes_within_the_team_only(app: Flask, session: Session) -> None:
    mine, theirs = factories.make_team(session), factories.make_team(session)
    own = factories.make_host(session, hostname="own", team_id=mine.id)
    others = [
        factories.make_host(session, hostname="theirs", team_id=theirs.id),
        factories.make_host(session, hostname="nobody's"),
    ]
    session.commit()
    client = client_of(app, team_roles={mine.id: "admin"})
    for host in others:
        assert client.delete(f"/hosts/{host.id}").status_code == 403
        assert client.post("/hosts/delete", {"ids": [own.id, host.id]}).status_code == 403
    assert left(session) == ["own", "theirs", "nobody's"]
    assert client.post("/hosts/delete", {"filters": {}}).status_code == 200
    assert left(session) == ["theirs", "nobody's"]


def test_a_filter_never_deletes_in_a_team_that_is_only_observed(app: Flask, session: Session) -> None:
    managed, observed = factories.make_team(session), factories.make_team(session)
    for team in (managed, observed):
        factories.make_host(session, hostname=team.name, team_id=team.id)
    session.commit()
    client = client_of(app, team_roles={managed.id: "maintainer", observed.id: "observer"})
    assert client.post("/hosts/delete", {"filters": {}}).status_code == 403
    assert len(left(session)) == 2
    assert client.post("/hosts/delete", {"filters": {"team_id": managed.id}}).status_code == 200
    assert left(session) == [observed.name]


def test_hosts_that_never_told_who_they_are_go_after_five_minutes(session: Session, runtime: Runtime) -> None:
    for hostname, minutes, version in (("", 6, ""), ("", 4, ""), ("named", 6, ""), ("", 6, "5.9.1")):
        host = factories.make_host(session, hostname=hostname, osquery_version=version)
        host.created_at = clock.now() - timedelta(minutes=minutes)
    session.commit()
    lifecycle.delete_incoming(session, runtime)
    session.commit()
    assert left(session) == ["", "named", ""]
