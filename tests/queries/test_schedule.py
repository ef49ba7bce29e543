"""The global schedule and those of teams: views over saved queries."""

from sqlalchemy.orm import Session

from tests import factories
from tests.conftest import Client

KEYS = {
    "created_at", "updated_at", "id", "pack_id", "name", "query_id", "query_name", "query", "interval", "snapshot",
    "removed", "platform", "version", "shard", "denylist", "stats",
}  # fmt: skip


def test_scheduling_copies_the_query(admin: Client, session: Session) -> None:
    source = factories.make_query(session, "Processes", description="Five", platform="darwin")
    session.commit()
    sent = {"query_id": source.id, "interval": 1800, "snapshot": True, "removed": False, "platform": "linux"}
    for path, version in (("/schedule", "latest"), ("/schedule", "2022-04"), ("/global/schedule", "v1")):
        added = admin.post(path, sent, version=version).json["scheduled"]
        assert set(added) == KEYS | {"description"}
        assert added["name"].startswith("Copy of Processes (")
        assert added["id"] == added["query_id"] != source.id
        assert (added["pack_id"], added["platform"], added["version"], added["shard"]) == (0, "linux", "", None)
        assert (added["snapshot"], added["removed"]) == (True, False)
    listed = admin.get("/schedule?order_key=id").json["global_schedule"]
    assert len(listed) == 3 and len({entry["name"] for entry in listed}) == 3
    assert admin.get("/global/schedule", version="v1").json["global_schedule"] == listed


def test_a_copy_keeps_what_was_not_said_of_it(admin: Client, session: Session) -> None:
    source = factories.make_query(
        session, "Q", platform="darwin", min_osquery_version="5.1", observer_can_run=True, description="Five"
    )
    once = factories.make_query(session, "Asked once", saved=False)
    session.commit()
    copy = admin.post("/schedule", {"query_id": source.id, "interval": 60}).json["scheduled"]
    assert (copy["platform"], copy["version"], copy["description"]) == ("darwin", "5.1", "Five")
    assert admin.get(f"/queries/{copy['id']}").json["query"]["observer_can_run"] is True
    assert admin.post("/schedule", {"query_id": once.id, "interval": 60}).status_code == 404


def test_only_its_own_version_knows_a_path(admin: Client) -> None:
    assert admin.get("/schedule", version="v1").status_code == 405
    assert admin.get("/global/schedule").status_code == 404
    assert admin.post("/packs/schedule", {}, version="v1").status_code == 405


def test_a_scheduled_query_is_changed_and_removed(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Uptime", interval=60, automations_enabled=True, logging="snapshot")
    factories.make_query(session, "Not scheduled", interval=60)
    session.commit()
    changed = admin.patch(f"/schedule/{query.id}", {"interval": 900, "snapshot": False, "removed": True})
    assert (changed.json["scheduled"]["interval"], changed.json["scheduled"]["removed"]) == (900, True)
    only_one = admin.patch(f"/global/schedule/{query.id}", {"snapshot": True}, version="v1").json["scheduled"]
    assert (only_one["snapshot"], only_one["removed"]) == (False, True)
    assert [entry["id"] for entry in admin.get("/schedule").json["global_schedule"]] == [query.id]
    assert admin.delete(f"/schedule/{query.id}").json == {}
    assert admin.delete(f"/schedule/{query.id}").status_code == 404
    assert admin.patch("/schedule/99", {"interval": 60}).status_code == 404


def test_a_team_has_a_schedule_of_its_own(admin: Client, session: Session) -> None:
    team, other = factories.make_team(session), factories.make_team(session)
    query = factories.make_query(session, "x" * 255)
    session.commit()
    added = admin.post(f"/teams/{team.id}/schedule", {"query_id": query.id, "interval": 700}).json["scheduled"]
    assert (added["snapshot"], added["removed"], len(added["name"])) == (True, False, 255)
    assert len(admin.get(f"/team/{team.id}/schedule").json["scheduled"]) == 1
    assert admin.get(f"/teams/{other.id}/schedule").json == {"scheduled": []}
    assert admin.get("/teams/999/schedule").json == {"scheduled": []}
    assert admin.patch(f"/teams/{other.id}/schedule/{added['id']}", {"interval": 1}).status_code == 404
    assert admin.patch(f"/team/{team.id}/schedule/{added['id']}", {"interval": 800}).json == {}
    assert admin.post("/teams/999/schedule", {"query_id": query.id, "interval": 1}).status_code == 422
    assert admin.post(f"/teams/{team.id}/schedule", {"query_id": added["id"], "interval": 1}).status_code == 422
    assert admin.post("/schedule", {"query_id": added["id"], "interval": 1}).status_code == 422
    for path in ("/teams/abc/schedule", "/teams/99999999999999999999/schedule"):
        assert admin.get(path).json["errors"][0]["reason"] == "uintFromRequest"
    assert admin.patch(f"/teams/{team.id}/schedule/abc", {"interval": 60}).status_code == 400
    assert admin.delete(f"/teams/{team.id}/schedule/{added['id']}").json == {}


def test_bad_input_is_refused(admin: Client, session: Session) -> None:
    query = factories.make_query(session)
    session.commit()
    good = {"query_id": query.id, "interval": 60}
    for wrong in ({"query_id": "1"}, {"interval": -1}, {"interval": "x"}, {"snapshot": "yes"}, {"shard": "20"}):
        assert admin.post("/schedule", good | wrong).status_code == 400
        change = {key: value for key, value in wrong.items() if key != "query_id"}
        if change:
            assert admin.patch(f"/schedule/{query.id}", change).status_code == 400
    assert admin.post("/schedule", good | {"platform": "amiga"}).status_code == 400
    for number in ("x", "9" * 5000):
        assert admin.get(f"/teams/{number}/schedule").status_code == 400
    assert admin.post("/schedule", {"interval": 60}).status_code == 404
    assert admin.post("/schedule", good | {"query_id": 999}).status_code == 404


def test_a_copy_is_named_however_long_its_name_is_to_compare(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "ﷺ" * 14)  # 252 characters to compare
    pack = factories.make_pack(session)
    session.commit()
    added = admin.post("/schedule", {"query_id": query.id, "interval": 60})
    assert added.status_code == 200
    assert added.json["scheduled"]["name"].startswith("Copy of ﷺ")
    entry = {"pack_id": pack.id, "query_id": query.id, "interval": 60}
    assert [admin.post("/packs/schedule", entry).status_code for _ in range(3)] == [200, 200, 422]
