"""Query specs: what fleetctl applies and gets."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.activities.models import Activity
from fleet.queries.models import Query
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client
from tests.hosts.counting import statements

SPEC = {
    "name": "Spec users",
    "description": "Local users",
    "query": "SELECT * FROM users",
    "team": "",
    "interval": 900,
    "observer_can_run": True,
    "platform": "linux",
    "min_osquery_version": "5.1.0",
    "automations_enabled": True,
    "logging": "snapshot",
}


def test_what_is_applied_comes_back_and_applies_again(admin: Client, session: Session) -> None:
    team = factories.make_team(session, "Servers")
    session.commit()
    of_team = {"name": "Team spec", "query": "SELECT * FROM time", "team": "servers"}
    assert admin.post("/spec/queries", {"specs": [SPEC, of_team]}).json == {}
    got = admin.get("/spec/queries").json
    assert got == {"specs": [SPEC]}
    assert admin.post("/spec/queries", got).json == {}
    assert admin.get("/spec/queries/SPEC%2520users").json == {"specs": SPEC}
    shown = admin.get(f"/spec/queries/Team%20spec?team_id={team.id}").json["specs"]
    assert (shown["team"], shown["interval"], shown["logging"]) == ("Servers", 0, "")
    assert admin.get("/spec/queries/Team%20spec").status_code == 404
    details = session.scalars(select(Activity.details)).first()
    assert details is not None and details["specs"][0] == SPEC


def test_a_spec_overwrites_every_field_and_the_spelling_of_the_name(admin: Client, session: Session) -> None:
    before = factories.make_user(session)
    query = factories.make_query(
        session, "Café", interval=60, observer_can_run=True, description="Old", author_id=before.id
    )
    session.commit()
    admin.post("/spec/queries", {"specs": [{"name": "CAFE", "query": "SELECT 2"}]})
    found = admin.get(f"/queries/{query.id}").json["query"]
    assert (found["name"], found["query"], found["interval"]) == ("CAFE", "SELECT 2", 0)
    assert (found["observer_can_run"], found["description"]) == (False, "")
    assert found["author_id"] == admin.get("/me").json["user"]["id"] != before.id


def test_the_last_of_two_specs_of_one_name_wins(admin: Client) -> None:
    specs = [{"name": "Q", "query": "SELECT 1"}, {"name": "q ", "query": "SELECT 2"}]
    assert admin.post("/spec/queries", {"specs": specs}).json == {}
    assert [spec["query"] for spec in admin.get("/spec/queries").json["specs"]] == ["SELECT 2"]


def test_nothing_is_written_when_one_spec_is_refused(admin: Client, session: Session) -> None:
    good = {"name": "Good", "query": "SELECT 1"}
    for bad, status in (
        ({"query": "SELECT 1"}, 400),
        ({"name": "Q"}, 400),
        ({"name": "Q", "query": "SELECT 1", "platform": "amiga"}, 400),
        ({"name": "Q", "query": "SELECT 1", "team": "No such"}, 404),
        (None, 400),
    ):
        assert admin.post("/spec/queries", {"specs": [good, bad]}).status_code == status
    assert session.scalars(select(Query.id)).all() == []
    assert admin.get("/spec/queries").json == {"specs": None}
    assert admin.post("/spec/queries", {"specs": []}).json == {}
    assert admin.post("/spec/queries", {"specs": {"name": "Q"}}).status_code == 400


def test_many_specs_take_few_statements(admin: Client, session: Session, runtime: Runtime) -> None:
    def apply(sql: str, number: int) -> int:
        specs = [{"name": f"Query {one}", "query": sql} for one in range(number)]
        with statements(runtime.engine) as sent:
            assert admin.post("/spec/queries", {"specs": specs}).json == {}
        return sum(not one.startswith("INSERT") for one in sent)  # SQLite, at no distance, takes rows one by one

    apply("SELECT 0", 1)  # the first one also notes that the session is used
    few = apply("SELECT 1", 2)
    for sql in ("SELECT 2", "SELECT 3"):  # made, and changed
        assert apply(sql, 700) < few + 20
    assert session.scalars(select(Query.query)).all() == ["SELECT 3"] * 700
