"""Packs and their entries over JSON."""

import json
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.activities.models import Activity
from fleet.db.changes import CONFIG, Change
from fleet.labels.models import ALL_HOSTS
from fleet.packs.models import Pack, PackTarget, ScheduledQuery, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client, client_of
from tests.hosts.counting import statements

ZERO = "0001-01-01T00:00:00Z"
PACK_KEYS = {
    "created_at", "updated_at", "id", "name", "disabled", "type", "labels", "hosts", "teams", "query_count",
    "total_hosts_count", "host_ids", "label_ids", "team_ids",
}  # fmt: skip
ENTRY_KEYS = {
    "created_at", "updated_at", "id", "pack_id", "name", "query_id", "query_name", "query", "interval", "snapshot",
    "removed", "shard", "denylist", "stats",
}  # fmt: skip


def reason(answer: Any) -> str:
    return str(answer.json["errors"][0]["reason"])


def test_a_created_pack_shows_the_ids_as_they_were_sent(admin: Client, session: Session) -> None:
    host = factories.make_host(session, hostname="orion")
    factories.make_host(session)
    session.commit()
    sent = {"name": "Everybody", "description": "d", "host_ids": [], "label_ids": [ALL_HOSTS]}
    pack = admin.post("/packs", sent, version="v1").json["pack"]
    assert set(pack) == PACK_KEYS | {"description"}
    assert (pack["created_at"], pack["labels"], pack["hosts"], pack["teams"]) == (ZERO, None, None, None)
    assert (pack["host_ids"], pack["label_ids"], pack["team_ids"]) == ([], [ALL_HOSTS], None)
    assert (pack["query_count"], pack["total_hosts_count"], pack["type"]) == (0, 2, None)
    one = admin.post("/packs", {"name": "One", "platform": "linux", "host_ids": [host.id]}).json["pack"]
    assert (one["total_hosts_count"], one["platform"]) == (1, "linux")
    got = admin.get(f"/packs/{one['id']}").json["pack"]
    assert set(got) == PACK_KEYS | {"platform"}
    assert got["hosts"] == [{"type": "host", "id": host.id, "display_text": "orion"}]
    assert (got["label_ids"], got["team_ids"], got["labels"]) == ([], [], [])
    assert got["created_at"] != ZERO
    kinds = session.execute(select(Activity.activity_type, Activity.details).order_by(Activity.id)).all()
    assert kinds[0] == ("created_pack", {"pack_id": pack["id"], "pack_name": "Everybody"})


def test_a_pack_needs_a_name_of_its_own(admin: Client) -> None:
    assert admin.post("/packs", {"name": "Bäse"}).status_code == 200
    taken = admin.post("/packs", {"name": "BASE "})
    assert (taken.status_code, taken.json["message"]) == (409, "Validation Failed")
    assert reason(taken) == "Error 1062 (23000): Duplicate entry 'BASE ' for key 'idx_pack_unique_name'"
    for nameless in ({"name": " "}, {"description": "x"}, {"name": None}):
        refused = admin.post("/packs", nameless)
        assert (refused.status_code, reason(refused)) == (
            400,
            "pack payload verification: pack name cannot be empty",
        )


def test_a_change_replaces_the_lists_that_it_names(admin: Client, session: Session) -> None:
    label = factories.make_label(session, "Laptops", hosts=[factories.make_host(session)])
    session.commit()
    pack = admin.post("/packs", {"name": "P", "label_ids": [ALL_HOSTS], "host_ids": [5]}).json["pack"]
    changed = admin.patch(f"/packs/{pack['id']}", {"description": "new", "label_ids": [label.id]}).json["pack"]
    assert (changed["label_ids"], changed["host_ids"], changed["description"]) == ([label.id], [5], "new")
    assert [one["id"] for one in changed["labels"]] == [ALL_HOSTS]
    got = admin.get(f"/packs/{pack['id']}").json["pack"]
    assert got["labels"] == [{"type": "label", "id": label.id, "display_text": "Laptops"}]
    assert got["hosts"] == [{"type": "host", "id": 5, "display_text": ""}]
    emptied = admin.patch(f"/packs/{pack['id']}", {"host_ids": [], "disabled": True}).json["pack"]
    assert (emptied["host_ids"], emptied["disabled"], emptied["name"]) == ([], True, "P")
    assert reason(admin.patch("/packs/99", {"name": "x"})) == "Pack 99 was not found in the datastore"


def test_lists_are_ordered_and_gitops_counts_no_hosts(app: Flask, admin: Client, session: Session) -> None:
    factories.make_host(session)
    session.commit()
    for name in ("b", "A"):
        admin.post("/packs", {"name": name, "label_ids": [ALL_HOSTS]})
    listed = admin.get("/packs?order_key=name&order_direction=desc").json["packs"]
    assert [(pack["name"], pack["total_hosts_count"]) for pack in listed] == [("b", 1), ("A", 1)]
    assert admin.get("/packs?order_key=name_key").status_code == 422
    gitops = client_of(app, global_role="gitops")
    assert [pack["total_hosts_count"] for pack in gitops.get("/packs").json["packs"]] == [0, 0]


def test_packs_are_deleted_by_name_and_by_id(admin: Client, session: Session) -> None:
    query = factories.make_query(session)
    session.commit()
    first = admin.post("/packs", {"name": "a/b 100%", "host_ids": [1]}).json["pack"]
    admin.post("/packs/schedule", {"pack_id": first["id"], "query_id": query.id, "interval": 60})
    second = admin.post("/packs", {"name": "second"}).json["pack"]
    assert admin.delete("/packs/A%252Fb%2520100%2525").json == {}
    assert reason(admin.delete("/packs/nope")) == "packs nope was not found in the datastore"
    assert admin.delete(f"/packs/id/{second['id']}", version="v1").json == {}
    assert reason(admin.delete("/packs/id/99")) == "Pack 99 was not found in the datastore"
    for table in (Pack, PackTarget, ScheduledQuery):
        assert session.scalars(select(table.id)).all() == []


def test_entries_are_added_under_the_next_free_name(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Uptime", query="SELECT * FROM uptime")
    pack = factories.make_pack(session)
    session.commit()
    sent = {
        "interval": 120, "pack_id": pack.id, "query_id": query.id, "removed": True, "snapshot": False, "shard": None,
        "version": "4.5.0", "platform": "windows",
    }  # fmt: skip
    first = admin.post("/schedule", sent, version="v1").json["scheduled"]
    assert set(first) == ENTRY_KEYS | {"platform", "version"}
    assert (first["name"], first["created_at"], first["shard"]) == ("Uptime", ZERO, None)
    bare = {"interval": 1, "pack_id": pack.id, "query_id": query.id}
    second = admin.post("/packs/schedule", bare).json["scheduled"]
    assert set(second) == ENTRY_KEYS
    assert (second["name"], second["snapshot"], second["removed"]) == ("Uptime-1", None, None)
    assert admin.post("/packs/schedule", bare).json["scheduled"]["name"] == "Uptime-1-1"
    listed = admin.get(f"/packs/{pack.id}/scheduled?order_key=id").json["scheduled"]
    assert [entry["name"] for entry in listed] == ["Uptime", "Uptime-1", "Uptime-1-1"]
    assert listed[0]["created_at"] == ZERO
    last = admin.get(f"/packs/{pack.id}/scheduled?order_key=name&order_direction=desc&per_page=1").json["scheduled"]
    assert [entry["name"] for entry in last] == ["Uptime-1-1"]
    got = admin.get(f"/schedule/{second['id']}").json["scheduled"]
    assert (got["name"], got["query_name"]) == ("Uptime", "Uptime")
    assert got["created_at"] != ZERO
    assert admin.get("/packs/99/scheduled").json == {"scheduled": []}
    assert admin.get(f"/packs/{pack.id}").json["pack"]["query_count"] == 3


def test_an_entry_is_changed_moved_and_removed(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Uptime")
    pack, other = factories.make_pack(session), factories.make_pack(session)
    session.commit()
    sent = {"interval": 120, "pack_id": pack.id, "query_id": query.id, "snapshot": False}
    entry = admin.post("/packs/schedule", sent).json["scheduled"]["id"]
    path = f"/packs/schedule/{entry}"
    for shard, stored in ((50, 50), (None, 50), ("20", 20), ("", None)):
        assert admin.patch(path, {"shard": shard}).json["scheduled"]["shard"] == stored
    changed = admin.patch(f"/schedule/{entry}", {"snapshot": True, "platform": ""}, version="v1").json["scheduled"]
    assert (changed["snapshot"], changed["platform"], changed["interval"]) == (True, "", 120)
    for interval in (0, 604_801):
        refused = admin.patch(path, {"interval": interval})
        assert (refused.status_code, reason(refused)) == (400, "invalid scheduled query interval")
    assert admin.patch(path, {"interval": 604_800}).status_code == 200
    assert admin.patch(path, {"pack_id": 99}).status_code == 422
    assert admin.patch(path, {"pack_id": other.id}).json["scheduled"]["pack_id"] == other.id
    twin = admin.post("/packs/schedule", sent).json["scheduled"]["id"]
    taken = admin.patch(f"/packs/schedule/{twin}", {"pack_id": other.id})
    assert (taken.status_code, "Error 1062" in reason(taken)) == (409, True), "its name is taken there"
    assert admin.delete(f"/schedule/{entry}", version="v1").json == {}
    assert reason(admin.delete(path)) == f"ScheduledQuery {entry} was not found in the datastore"
    assert admin.patch("/packs/schedule/99", {"interval": 60}).status_code == 404


def test_an_entry_runs_a_global_query_only(admin: Client, session: Session) -> None:
    team = factories.make_team(session)
    of_team = factories.make_query(session, "Uptime", team_id=team.id)
    pack = factories.make_pack(session)
    session.commit()
    sent = {"interval": 60, "pack_id": pack.id, "query_id": of_team.id}
    assert admin.post("/packs/schedule", sent).status_code == 422
    shared = factories.make_query(session, "uptime", query="SELECT 2")
    session.commit()
    assert admin.post("/packs/schedule", sent).json["scheduled"]["query_id"] == shared.id


def test_entries_refuse_what_they_cannot_be(admin: Client, session: Session) -> None:
    query, pack = factories.make_query(session), factories.make_pack(session)
    session.commit()
    good: dict[str, Any] = {"interval": 60, "pack_id": pack.id, "query_id": query.id}
    for interval in (0, 604_801):
        refused = admin.post("/packs/schedule", good | {"interval": interval})
        assert (refused.status_code, reason(refused)) == (400, "invalid scheduled query interval")
    assert admin.post("/packs/schedule", {}).status_code == 400
    unknown = admin.post("/packs/schedule", good | {"query_id": 99, "pack_id": 99})
    assert (unknown.status_code, reason(unknown)) == (404, "Query 99 was not found in the datastore")
    nameless = admin.post("/packs/schedule", {"interval": 60, "pack_id": pack.id})
    assert reason(nameless) == "Query was not found in the datastore"
    assert admin.post("/packs/schedule", good | {"pack_id": 99}).status_code == 422
    wrong: dict[str, list[Any]] = {
        "interval": ["60", -1, 1.5], "pack_id": ["1", -1], "query_id": [True, -1], "shard": [-1, 1.5, [], 2**40],
        "snapshot": [1, "x"], "removed": ["no"], "platform": [1, "x" * 256, "\x00"], "version": [5.0, "x" * 256],
    }  # fmt: skip
    entry = admin.post("/packs/schedule", good).json["scheduled"]["id"]
    for field, values in wrong.items():
        for value in values:
            for answer in (
                admin.post("/packs/schedule", data=json.dumps(good | {field: value})),
                admin.patch(f"/packs/schedule/{entry}", data=json.dumps({field: value})),
            ):
                assert answer.status_code in (400, 422), (field, value, answer.status_code)
                assert field in answer.get_data(as_text=True)
    assert admin.post("/packs/schedule", good | {"shard": "20"}).status_code == 400


def test_every_field_of_a_pack_refuses_what_it_cannot_hold(admin: Client, session: Session) -> None:
    stays = factories.make_pack(session, "Stays")
    session.commit()
    ids = ["all", [1.5], ["1"], [-1], [None], {"a": 1}, [2**64]]
    wrong: dict[str, list[Any]] = {
        "name": [7, [], "x" * 256, "\x00", "ﷺ" * 60], "description": [7, "x" * 256, "a\x00"],
        "platform": [{}, "x" * 256], "disabled": ["true", 1], "host_ids": ids, "label_ids": ids, "team_ids": ids,
    }  # fmt: skip
    for field, values in wrong.items():
        for value in values:
            for answer in (
                admin.post("/packs", data=json.dumps({"name": "P", field: value})),
                admin.patch(f"/packs/{stays.id}", data=json.dumps({field: value})),
            ):
                assert answer.status_code in (400, 422), (field, value, answer.status_code)
                assert field in answer.get_data(as_text=True)
    twice = admin.post("/packs", {"name": "P", "label_ids": [6, 6]})
    assert (twice.status_code, "Error 1062" in reason(twice)) == (409, True)
    assert admin.post("/packs", data=b"x" * 10_000_000).status_code == 413
    assert session.scalars(select(Pack.name)).all() == ["Stays"]
    assert session.scalars(select(PackTarget.id).where(PackTarget.type == TargetType.LABEL)).all() == []


def test_only_those_who_apply_know_packs(app: Flask, session: Session) -> None:
    team, pack = factories.make_team(session), factories.make_pack(session)
    session.commit()
    for client in (
        client_of(app, global_role="observer"),
        client_of(app, global_role="observer_plus"),
        client_of(app, team_roles={team.id: "admin"}),
    ):
        answers = [
            client.get("/packs"),
            client.get(f"/packs/{pack.id}"),
            client.get("/packs/99"),
            client.post("/packs", {"name": "P"}),
            client.patch(f"/packs/{pack.id}", {"name": "x"}),
            client.delete(f"/packs/id/{pack.id}"),
            client.delete("/packs/nope"),
            client.get(f"/packs/{pack.id}/scheduled"),
            client.post("/packs/schedule", {"interval": 60, "pack_id": pack.id, "query_id": 1}),
            client.get("/schedule/1"),
            client.patch("/packs/schedule/1", {"interval": 60}),
            client.delete("/packs/schedule/1"),
            client.post("/spec/packs", {"specs": []}),
            client.get("/spec/packs"),
            client.get("/spec/packs/nope"),
        ]
        assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert client_of(app, global_role="maintainer").post("/packs", {"name": "P"}).status_code == 200


def test_every_change_is_news_for_the_configs_of_hosts_and_packs_are_on_record(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Uptime").id
    pack = factories.make_pack(session, "First").id
    factories.make_pack(session, "Second"), factories.make_pack(session, "Third")
    session.commit()
    entry = {"pack_id": pack, "query_id": query, "interval": 60}
    added = admin.post("/packs/schedule", entry).json["scheduled"]["id"]
    calls: list[tuple[str, str, Any, str | None]] = [
        ("POST", "/packs", {"name": "New"}, "created_pack"),
        ("PATCH", f"/packs/{pack}", {"disabled": True}, "edited_pack"),
        ("POST", "/spec/packs", {"specs": [{"name": "New"}]}, "applied_spec_pack"),
        ("POST", "/packs/schedule", entry, None),
        ("PATCH", f"/packs/schedule/{added}", {"interval": 70}, None),
        ("DELETE", f"/packs/schedule/{added}", None, None),
        ("DELETE", f"/packs/id/{pack}", None, "deleted_pack"),
        ("DELETE", "/packs/Second", None, "deleted_pack"),
    ]
    recorded = []
    for method, path, body, activity in calls:
        before = len(session.scalars(select(Change.id).where(Change.topic == CONFIG)).all())
        session.commit()
        assert admin.call(method, path, body).status_code == 200, path
        assert len(session.scalars(select(Change.id).where(Change.topic == CONFIG)).all()) > before, path
        recorded += [activity] if activity else []
        assert session.scalars(select(Activity.activity_type).order_by(Activity.id)).all() == recorded, path
        session.commit()


def test_a_list_of_many_packs_takes_few_statements(admin: Client, session: Session, runtime: Runtime) -> None:
    hosts = [factories.make_host(session) for _ in range(3)]

    def read() -> tuple[int, list[int]]:
        with statements(runtime.engine) as sent:
            packs = admin.get("/packs?order_key=id").json["packs"]
        return len(sent), [pack["total_hosts_count"] for pack in packs]

    def make(number: int) -> None:
        pack = factories.make_pack(session)
        aims = [(TargetType.HOST, host.id) for host in hosts[: number % 4]]
        if number % 2:
            aims.append((TargetType.LABEL, factories.make_label(session, hosts=hosts[2:]).id))
        session.add_all(PackTarget(pack_id=pack.id, type=kind, target_id=target) for kind, target in aims)

    make(0), make(1), session.commit()
    read()  # the first one also notes that the session is used
    before, _ = read()
    for number in range(2, 8):
        make(number)
    session.commit()
    assert read() == (before, [0, 2, 2, 3, 0, 2, 2, 3])
