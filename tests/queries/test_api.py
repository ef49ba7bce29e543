"""Saved queries over JSON."""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.activities.models import Activity
from fleet.db.changes import CONFIG, Change
from fleet.names import fold
from fleet.packs.models import ScheduledQuery
from fleet.queries.models import Query
from tests import factories
from tests.conftest import Client

KEYS = {
    "created_at", "updated_at", "id", "team_id", "interval", "platform", "min_osquery_version", "automations_enabled",
    "logging", "name", "description", "query", "saved", "observer_can_run", "author_id", "author_name", "author_email",
    "packs", "stats",
}  # fmt: skip
STATS = {"system_time_p50", "system_time_p95", "user_time_p50", "user_time_p95", "total_executions"}
ZERO = "0001-01-01T00:00:00Z"


def reason(answer: Any) -> str:
    return str(answer.json["errors"][0]["reason"])


def config_changes(session: Session) -> int:
    return len(session.scalars(select(Change.id).where(Change.topic == CONFIG)).all())


def activities(session: Session) -> list[tuple[str, dict[str, Any] | None]]:
    rows = session.execute(select(Activity.activity_type, Activity.details).order_by(Activity.id))
    return [(kind, details) for kind, details in rows]


def test_a_query_is_created_with_defaults_and_without_timestamps(admin: Client, session: Session) -> None:
    answer = admin.post("/queries", {"name": "Uptime", "query": "SELECT * FROM uptime"})
    query = answer.json["query"]
    assert answer.status_code == 200
    assert set(query) == KEYS
    assert set(query["stats"]) == STATS and set(query["stats"].values()) == {None}
    assert (query["created_at"], query["updated_at"]) == (ZERO, ZERO)
    assert (query["interval"], query["logging"], query["platform"], query["description"]) == (0, "", "", "")
    assert (query["saved"], query["observer_can_run"], query["team_id"], query["packs"]) == (True, False, None, [])
    assert query["author_email"].endswith("@example.com")
    assert activities(session) == [("created_saved_query", {"query_id": query["id"], "query_name": "Uptime"})]
    assert config_changes(session) >= 1


def test_keys_match_in_any_letter_case_and_null_is_absent(admin: Client) -> None:
    sent = {"NAME": "Q", "Query": "SELECT 1", "interval": None, "Observer_Can_Run": True, "unknown": [1]}
    query = admin.post("/queries", sent).json["query"]
    assert (query["name"], query["interval"], query["observer_can_run"]) == ("Q", 0, True)


def test_names_are_unique_without_case_accents_and_trailing_spaces(admin: Client, session: Session) -> None:
    team = factories.make_team(session)
    session.commit()
    admin.post("/queries", {"name": "Café", "query": "SELECT 1"})
    for name in ("Café", "cafe", "CAFÉ  "):
        taken = admin.post("/queries", {"name": name, "query": "SELECT 1"})
        assert (taken.status_code, reason(taken)) == (409, f'Query "{name}" already exists')
    assert admin.post("/queries", {"name": "cafe", "query": "SELECT 1", "team_id": team.id}).status_code == 200
    assert session.scalars(select(Query.name_key)).all() == [fold("Café")] * 2


def test_a_team_that_is_not_there_is_refused(admin: Client) -> None:
    for team_id in (0, 99):
        refused = admin.post("/queries", {"name": "Q", "query": "SELECT 1", "team_id": team_id})
        assert refused.status_code == 422
        assert "Error 1452" in reason(refused)


def test_a_change_touches_only_what_it_names(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Processes", description="Old", interval=60)
    factories.make_query(session, "Uptime")
    session.commit()
    changed = admin.patch(f"/queries/{query.id}", {"description": "New", "logging": "differential"}).json["query"]
    assert (changed["name"], changed["description"], changed["interval"]) == ("Processes", "New", 60)
    assert changed["logging"] == "differential"
    assert changed["created_at"] != ZERO
    taken = admin.patch(f"/queries/{query.id}", {"name": "UPTIME"})
    assert taken.status_code == 409
    assert reason(taken) == "Error 1062 (23000): Duplicate entry 'UPTIME' for key 'idx_team_id_name_unq'"
    assert admin.patch(f"/queries/{query.id}", {"name": "PROCESSES"}).json["query"]["name"] == "PROCESSES"
    assert reason(admin.patch("/queries/999", {"name": "x"})) == "Query 999 was not found in the datastore"


def test_texts_of_refusals_are_those_that_clients_know(admin: Client, session: Session) -> None:
    platforms = (
        "query's platform must be a comma-separated list of 'darwin', 'linux', 'windows', and/or 'chrome' in a "
        "single string"
    )
    logging = "invalid logging value, must be one of 'snapshot', 'differential', 'differential_ignore_removals'"
    wrong = {
        "query name cannot be empty": {"name": " "},
        "query's SQL query cannot be empty": {"query": ""},
        logging: {"logging": "loud"},
        platforms: {"platform": "darwin,amiga"},
    }
    query = factories.make_query(session)
    session.commit()
    for text, change in wrong.items():
        good = {"name": "Q", "query": "SELECT 1"}
        for refused in (admin.post("/queries", good | change), admin.patch(f"/queries/{query.id}", change)):
            assert refused.status_code == 400
            assert refused.json["errors"] == [{"name": "base", "reason": f"query payload verification: {text}"}]
    assert admin.post("/queries", {}).status_code == 400
    assert admin.post("/queries", {"name": "Q", "query": "SELECT 1", "platform": "darwin, linux"}).status_code == 200


def test_lists_hold_the_queries_of_one_team_with_authors_and_packs(admin: Client, session: Session) -> None:
    team = factories.make_team(session)
    author = factories.make_user(session, name="Jane Doe")
    mine = factories.make_query(session, "Mine", author_id=author.id)
    factories.make_query(session, "Orphan")
    factories.make_query(session, "Of the team", team_id=team.id)
    factories.make_query(session, "distributed_x", saved=False)
    pack = factories.make_pack(session, "Baseline", description="d")
    session.add(ScheduledQuery(pack_id=pack.id, query_id=mine.id, name="Mine", name_key="mine", interval=60))
    session.commit()
    listed = admin.get("/queries?order_key=id").json["queries"]
    assert [query["name"] for query in listed] == ["Mine", "Orphan"]
    assert listed[0]["author_name"] == "Jane Doe"
    assert (listed[1]["author_id"], listed[1]["author_name"], listed[1]["author_email"]) == (None, "<deleted>", "")
    short = listed[0]["packs"][0]
    assert (short["id"], short["name"], short["disabled"], short["type"], short["labels"]) == (
        pack.id, "Baseline", False, None, None,
    )  # fmt: skip
    assert "query_count" not in short and "platform" not in short
    assert [query["name"] for query in admin.get(f"/queries?team_id={team.id}").json["queries"]] == ["Of the team"]
    assert admin.get("/queries?team_id=99").json == {"queries": []}
    assert reason(admin.get("/queries?team_id=x")) == "parsing uint from query"
    assert reason(admin.get("/queries?team_id=" + "9" * 5000)) == "parsing uint from query"
    assert admin.get("/queries?order_key=name_key").status_code == 422
    assert [
        q["name"] for q in admin.get("/queries?order_key=name&order_direction=desc&per_page=1").json["queries"]
    ] == ["Orphan"]


def test_one_query_names_its_author_by_address_who_has_no_name_and_nobody_who_is_gone(
    admin: Client, session: Session
) -> None:
    nameless = factories.make_user(session, name="", email="jane@example.com")
    theirs = factories.make_query(session, author_id=nameless.id).id
    orphan = factories.make_query(session).id
    session.commit()
    shown = [admin.get(f"/queries/{query_id}").json["query"] for query_id in (theirs, orphan)]
    assert [(query["author_name"], query["author_email"]) for query in shown] == [
        ("jane@example.com", "jane@example.com"),
        ("", ""),
    ]


def test_queries_are_deleted_by_name_by_id_and_together(admin: Client, session: Session) -> None:
    names = ["Doomed 1", "100%", "a/b", "four"]
    queries = [factories.make_query(session, name) for name in names]
    session.commit()
    assert admin.delete("/queries/doomed%25201").json == {}
    assert admin.delete("/queries/100%2525").json == {}
    assert reason(admin.delete("/queries/100%25")) == "stringFromRequest"
    assert admin.delete("/queries/a%252Fb").json == {}
    assert reason(admin.delete("/queries/nope")) == "Query nope was not found in the datastore"
    last = queries[3].id
    unknown = admin.post("/queries/delete", {"ids": [last, 999]})
    assert (unknown.status_code, reason(unknown)) == (404, "Query 999 was not found in the datastore")
    assert session.scalars(select(Query.name)).all() == ["four"]
    session.commit()
    assert admin.post("/queries/delete", {"ids": [last, last]}).json == {"deleted": 1}
    assert admin.post("/queries/delete", {"ids": []}).json == {"deleted": 0}
    assert admin.delete(f"/queries/id/{last}").status_code == 404
    assert [kind for kind, _ in activities(session)] == ["deleted_saved_query"] * 3 + ["deleted_multiple_saved_query"]


def test_every_change_is_news_for_the_configs_of_hosts_and_on_record(admin: Client, session: Session) -> None:
    team = factories.make_team(session).id
    first, second, third, fourth = (factories.make_query(session, f"Query {number}").id for number in range(4))
    session.commit()
    of_team = admin.post(f"/teams/{team}/schedule", {"query_id": first, "interval": 60}).json["scheduled"]["id"]
    calls: list[tuple[str, str, Any, str]] = [
        ("POST", "/queries", {"name": "New", "query": "SELECT 1"}, "created_saved_query"),
        ("PATCH", f"/queries/{first}", {"interval": 60}, "edited_saved_query"),
        ("POST", "/spec/queries", {"specs": [{"name": "New", "query": "SELECT 2"}]}, "applied_spec_saved_query"),
        ("POST", "/schedule", {"query_id": first, "interval": 60}, "created_saved_query"),
        ("PATCH", f"/schedule/{first}", {"interval": 70}, "edited_saved_query"),
        ("PATCH", f"/teams/{team}/schedule/{of_team}", {"interval": 70}, "edited_saved_query"),
        ("DELETE", f"/teams/{team}/schedule/{of_team}", None, "deleted_saved_query"),
        ("DELETE", f"/schedule/{first}", None, "deleted_saved_query"),
        ("DELETE", "/queries/New", None, "deleted_saved_query"),
        ("DELETE", f"/queries/id/{second}", None, "deleted_saved_query"),
        ("POST", "/queries/delete", {"ids": [third, fourth]}, "deleted_multiple_saved_query"),
    ]
    for method, path, body, activity in calls:
        session.commit()
        before = config_changes(session)
        session.commit()
        assert admin.call(method, path, body).status_code == 200, path
        assert config_changes(session) > before, path
        assert activities(session)[-1][0] == activity, path


def test_a_name_in_a_path_may_not_break_the_database(admin: Client) -> None:
    for name in ("%2500", "%25ff", "%25zz"):
        assert admin.delete(f"/queries/{name}").status_code in (400, 404)
        assert admin.get(f"/spec/queries/{name}").status_code in (400, 404)
    assert admin.get("/queries/99999999999999999999").status_code == 400
    assert admin.get("/queries/abc").status_code == 405


WRONG: dict[str, list[Any]] = {
    "name": [7, True, ["x"], {"a": 1}, "x" * 256, "nul\x00", "ﷺ" * 60],
    "query": [7, [], "SELECT '" + "x" * 70_000 + "'", "nul\x00"],
    "description": [7, {}, "x" * 70_000, "nul\x00"],
    "interval": ["60", -1, 1.5, 2**32, 2**70, True],
    "platform": [7, "amiga", "x" * 300, "nul\x00"],
    "min_osquery_version": [5.1, "x" * 256, "nul\x00"],
    "observer_can_run": ["true", 1],
    "automations_enabled": ["on", 0],
    "logging": [False, "loud", "x" * 300],
    "team_id": ["1", -1, 1.0, 2**64],
}


def test_every_field_refuses_what_it_cannot_hold(admin: Client, session: Session) -> None:
    query = factories.make_query(session, "Stays")
    session.commit()
    for field, values in WRONG.items():
        for value in values:
            sent = {"name": "Q", "query": "SELECT 1", field: value}
            answers = [admin.post("/queries", data=json.dumps(sent))]
            if field != "team_id":
                answers.append(admin.patch(f"/queries/{query.id}", data=json.dumps({field: value})))
                answers.append(admin.post("/spec/queries", data=json.dumps({"specs": [sent]})))
            for answer in answers:
                assert answer.status_code in (400, 422), (field, str(value)[:40], answer.status_code)
                assert field in answer.get_data(as_text=True), (field, str(value)[:40])
    for body in (b"", b"{", b"[]", b'"x"', b'{"name": "\\ud800", "query": "SELECT 1"}', b"[" * 100_000):
        for path in ("/queries", "/spec/queries", "/queries/delete"):
            assert admin.post(path, data=body).status_code == 400
    huge = {"name": "Q", "query": "x" * 10_000_000}
    assert admin.post("/queries", huge).status_code == 413
    assert admin.post("/spec/queries", {"specs": [huge]}).status_code == 413
    for ids in ("1", [1.5], [-1], [None], ["1"], {"a": 1}):
        assert admin.post("/queries/delete", {"ids": ids}).status_code == 400
    assert session.scalars(select(Query.name)).all() == ["Stays"]


def test_markup_in_names_is_stored_as_it_is(admin: Client) -> None:
    name = "<script>alert(1)</script> '; DROP TABLE queries; --"
    query = admin.post("/queries", {"name": name, "query": "SELECT '<b>'"}).json["query"]
    assert admin.get(f"/queries/{query['id']}").json["query"]["name"] == name
