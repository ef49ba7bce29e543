"""Pack specs: what fleetctl applies and gets."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.packs.models import Pack, PackTarget, ScheduledQuery
from tests import factories
from tests.conftest import Client


def reason(answer: Any) -> str:
    return str(answer.json["errors"][0]["reason"])


def test_what_is_applied_comes_back_and_applies_again(admin: Client, session: Session) -> None:
    factories.make_query(session, "Uptime")
    factories.make_query(session, "Processes")
    factories.make_team(session, "Workstations")
    session.commit()
    full = {
        "query": "Uptime", "name": "up", "description": "d", "interval": 456, "snapshot": False, "removed": True,
        "shard": 20, "platform": "linux", "version": "4.5.0", "denylist": True,
    }  # fmt: skip
    spec = {
        "id": 77, "name": "Spec pack", "description": "By spec", "disabled": False,
        "targets": {"labels": ["All Hosts"], "teams": ["Workstations"]},
        "queries": [full, {"query": "processes", "interval": 60}],
    }  # fmt: skip
    assert admin.post("/spec/packs", {"specs": [spec, {"name": "Bare"}]}, version="v1").json == {}
    listed = admin.get("/spec/packs").json["specs"]
    pack_id = listed[0]["id"]
    assert listed[0] == spec | {
        "id": pack_id,
        "queries": [full, {"query": "Processes", "name": "processes", "description": "", "interval": 60}],
    }
    bare = {"labels": None, "teams": None}
    assert listed[1] == {"id": listed[1]["id"], "name": "Bare", "disabled": False, "targets": bare}
    assert admin.get("/spec/packs/SPEC%2520pack").json == {"specs": listed[0]}
    assert admin.post("/spec/packs", {"specs": listed}).json == {}
    assert admin.get("/spec/packs").json["specs"] == listed


def test_a_spec_overwrites_everything(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Uptime")
    session.commit()
    old = {"name": "Café", "description": "x", "platform": "linux", "host_ids": [1], "label_ids": [6]}
    pack_id = admin.post("/packs", old).json["pack"]["id"]
    admin.post("/packs/schedule", {"pack_id": pack_id, "query_id": query.id, "interval": 60})
    admin.post("/spec/packs", {"specs": [{"name": "CAFE", "disabled": True, "targets": {"labels": ["macos"]}}]})
    pack = admin.get(f"/packs/{pack_id}").json["pack"]
    assert (pack["name"], pack["disabled"], pack["host_ids"], pack["label_ids"]) == ("CAFE", True, [], [7])
    assert pack["query_count"] == 0
    assert "description" not in pack and "platform" not in pack


def test_the_last_of_two_specs_of_one_name_wins(admin: Client) -> None:
    specs = [{"name": "P", "description": "first"}, {"name": "p ", "description": "last"}]
    assert admin.post("/spec/packs", {"specs": specs}).json == {}
    assert [spec["description"] for spec in admin.get("/spec/packs").json["specs"]] == ["last"]


def test_nothing_is_written_when_one_spec_is_refused(admin: Client, session: Session) -> None:
    team = factories.make_team(session)
    factories.make_query(session, "Uptime")
    factories.make_query(session, "Of a team", team_id=team.id)
    session.commit()
    entry = {"query": "Uptime", "interval": 60}
    bad_interval = (
        "pack payload verification: pack scheduled query interval must be an integer greater than 1 and less than "
        "604800"
    )
    cases: list[tuple[Any, int, str]] = [
        ({"name": "P", "queries": [{"query": "nope", "interval": 60}]}, 422, "cannot schedule unknown query 'nope'"),
        ({"name": "P", "queries": [{"interval": 60}]}, 422, "cannot schedule unknown query ''"),
        ({"name": "P", "queries": [{"query": "Of a team", "interval": 60}]}, 422, "cannot schedule unknown query"),
        ({"name": "P", "targets": {"labels": ["nope"]}}, 422, "label 'nope'"),
        ({"name": "P", "targets": {"teams": ["nope"]}}, 422, "team 'nope'"),
        ({"name": "P", "targets": {"labels": ["macOS", "MACOS"]}}, 409, "Error 1062"),
        ({"name": "P", "queries": [entry | {"interval": 0}]}, 400, bad_interval),
        ({"name": "P", "queries": [entry | {"interval": 604_801}]}, 400, bad_interval),
        ({"name": "P", "queries": [entry, entry]}, 409, "Error 1062"),
        ({"description": "x"}, 400, "pack payload verification: pack name cannot be empty"),
        (None, 400, "json decoder error"),
        ({"name": "P", "queries": [None]}, 400, "json decoder error"),
        ({"name": "P", "queries": [entry | {"interval": -1}]}, 400, "json decoder error"),
        ({"name": "P", "queries": [entry | {"shard": "20"}]}, 400, "json decoder error"),
        ({"name": "P", "targets": {"labels": "All Hosts"}}, 400, "json decoder error"),
        ({"name": "P", "targets": {"labels": ["a\x00"]}}, 422, "NUL"),
        ({"name": "x" * 256}, 422, "255"),
    ]
    for bad, status, text in cases:
        refused = admin.post("/spec/packs", {"specs": [{"name": "Good"}, bad]})
        assert refused.status_code == status, bad
        assert text in reason(refused)
    for table in (Pack, PackTarget, ScheduledQuery):
        assert session.scalars(select(table.id)).all() == []
    assert admin.get("/spec/packs").json == {"specs": None}
    assert admin.post("/spec/packs", {"specs": []}).json == {}
    assert reason(admin.get("/spec/packs/nope")) == "Pack nope was not found in the datastore"
