"""Labels over JSON."""

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.db.changes import Change
from fleet.labels.models import Label, LabelMembership
from fleet.packs.models import PackTarget, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import Agent
from tests.conftest import Client, client_of
from tests.hosts.counting import statements

KEYS = {
    "created_at", "updated_at", "id", "name", "description", "query", "platform", "label_type",
    "label_membership_type", "display_text", "count", "host_ids",
}  # fmt: skip


def test_the_built_in_labels_are_there_from_the_start(admin: Client) -> None:
    labels = admin.get("/labels?order_key=id").json["labels"]
    assert [label["id"] for label in labels] == list(range(6, 14))
    assert [label["name"] for label in labels][:2] == ["All Hosts", "macOS"]
    for label in labels:
        assert set(label) == KEYS
        assert (label["label_type"], label["label_membership_type"], label["count"]) == ("builtin", "dynamic", 0)


def test_a_label_counts_its_hosts(admin: Client, session: Session) -> None:
    label = factories.make_label(
        session, "Big disks", hosts=[factories.make_host(session), factories.make_host(session)]
    )
    factories.make_host(session)
    session.commit()
    shown = admin.get(f"/labels/{label.id}").json["label"]
    assert set(shown) == KEYS | {"host_count"}
    assert (shown["count"], shown["host_count"], shown["display_text"]) == (2, 2, "Big disks")
    counts = {found["id"]: found["count"] for found in admin.get("/labels").json["labels"]}
    assert (counts[6], counts[label.id]) == (3, 2)
    assert len(admin.get(f"/labels/{label.id}/hosts").json["hosts"]) == 2
    assert admin.get("/labels/999/hosts").json == {"hosts": []}
    assert admin.get("/labels/999").json["errors"][0]["reason"] == "Label 999 was not found in the datastore"


def test_lists_are_paged_and_ordered(admin: Client) -> None:
    answer = admin.get("/labels?order_key=name&order_direction=desc&page=0&per_page=2").json["labels"]
    assert [label["name"] for label in answer] == ["Ubuntu Linux", "Red Hat Linux"]
    assert admin.get("/labels?order_key=name_key").status_code == 422


def test_the_summary_is_short(admin: Client) -> None:
    first = admin.get("/labels/summary").json["labels"][0]
    assert first == {
        "id": 6, "name": "All Hosts", "description": "All hosts which have enrolled in Fleet", "label_type": "builtin",
    }  # fmt: skip


def test_a_label_is_made_changed_and_deleted(admin: Client, session: Session) -> None:
    made = admin.post("/labels", {"name": "Macs", "query": "SELECT 1", "platform": "darwin", "label_type": "builtin"})
    assert made.status_code == 200
    label = made.json["label"]
    assert (label["id"], label["label_type"], label["created_at"]) == (14, "regular", "0001-01-01T00:00:00Z")
    changed = admin.patch("/labels/14", {"name": "All Macs", "description": "Every one", "query": "DROP"}).json["label"]
    assert (changed["name"], changed["description"], changed["query"]) == ("All Macs", "Every one", "SELECT 1")
    assert admin.patch("/labels/14", {"description": ""}).json["label"]["name"] == "All Macs"
    pack = factories.make_pack(session)
    session.add(PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=14))
    session.commit()
    assert admin.delete("/labels/All%2520Macs").json == {}
    session.commit()
    session.expire_all()
    assert session.get(Label, 14) is None
    assert session.scalars(select(PackTarget)).all() == []
    assert "labels" in session.scalars(select(Change.topic)).all()


def test_labels_are_deleted_by_name_or_id(admin: Client, session: Session) -> None:
    one = factories.make_label(session, "a/b 100%").id
    two = factories.make_label(session, "two").id
    session.commit()
    assert admin.delete("/labels/a%252Fb%2520100%2525").status_code == 200
    assert admin.delete(f"/labels/id/{two}").status_code == 200
    session.commit()
    session.expire_all()
    assert session.get(Label, one) is None and session.get(Label, two) is None
    for path, key in (("/labels/nope", "nope"), ("/labels/id/99", "99")):
        answer = admin.delete(path)
        assert answer.json["errors"][0]["reason"] == f"Label {key} was not found in the datastore"
    assert admin.delete("/labels/100%25").status_code == 400


def test_a_label_that_cannot_be_made_is_refused_by_field(admin: Client) -> None:
    for body, status, field in [
        ({}, 422, "name"),
        ({"name": "X"}, 422, "query"),
        ({"query": "SELECT 1"}, 422, "name"),
        ({"name": "", "query": "SELECT 1"}, 422, "name"),
        ({"name": None, "query": "SELECT 1"}, 422, "name"),
        ({"name": " \t", "query": "SELECT 1"}, 422, "name"),
        ({"name": "\u0301", "query": "SELECT 1"}, 422, "name"),
        ({"name": "X", "query": " \n"}, 422, "query"),
        ({"name": "x" * 256, "query": "SELECT 1"}, 422, "name"),
        ({"name": "X", "query": "SELECT 1", "platform": "p" * 256}, 422, "platform"),
        ({"name": "a\x00b", "query": "SELECT 1"}, 422, "name"),
        ({"name": ["X"], "query": "SELECT 1"}, 400, "base"),
        ([], 400, "base"),
        (None, 400, "base"),
        ({"name": "macos", "query": "SELECT 1"}, 409, "base"),
    ]:
        answer = admin.post("/labels", body)
        assert (answer.status_code, answer.json["errors"][0]["name"]) == (status, field), answer.text
        assert len(admin.get("/labels").json["labels"]) == 8


def test_a_label_keeps_its_name_when_the_new_one_is_blank(admin: Client, session: Session) -> None:
    label = factories.make_label(session, "Named")
    session.commit()
    answer = admin.patch(f"/labels/{label.id}", {"name": "  "})
    assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "name")
    assert admin.get(f"/labels/{label.id}").json["label"]["name"] == "Named"


def test_a_name_in_use_is_a_conflict(admin: Client, session: Session) -> None:
    factories.make_label(session, "One")
    two = factories.make_label(session, "Two")
    session.commit()
    for answer in (
        admin.post("/labels", {"name": "ONE ", "query": "SELECT 1"}),
        admin.patch(f"/labels/{two.id}", {"name": "one"}),
    ):
        assert answer.status_code == 409
        assert "Error 1062" in answer.json["errors"][0]["reason"]


def test_built_in_labels_stay_as_they_are(admin: Client) -> None:
    before = admin.get("/labels/6").json
    for answer in (
        admin.patch("/labels/6", {"name": "Mine"}),
        admin.delete("/labels/id/6"),
        admin.delete("/labels/All%20Hosts"),
        admin.post("/spec/labels", {"specs": [{"name": "All Hosts", "query": "SELECT 2"}]}),
        admin.post("/spec/labels", {"specs": [{"name": "New", "query": "SELECT 2", "label_type": "builtin"}]}),
    ):
        assert answer.status_code == 422, answer.text
    assert admin.get("/labels/6").json == before


def test_observers_change_no_label(app: Flask, session: Session) -> None:
    label = factories.make_label(session)
    team = factories.make_team(session)
    session.commit()
    for role in ["observer", "observer_plus"]:  # fmt: skip
        for client in (client_of(app, global_role=role), client_of(app, team_roles={team.id: "admin"})):
            assert client.get(f"/labels/{label.id}").status_code == 200
            assert client.post("/labels", {"name": "X", "query": "SELECT 1"}).status_code == 403
            assert client.patch(f"/labels/{label.id}", {"name": "X"}).status_code == 403
            assert client.delete(f"/labels/id/{label.id}").status_code == 403
            assert client.post("/spec/labels", {"specs": []}).status_code == 403


def test_gitops_makes_labels_that_it_may_not_read(app: Flask) -> None:
    client = client_of(app, global_role="gitops")
    assert client.post("/labels", {"name": "Of gitops", "query": "SELECT 1"}).status_code == 200
    assert client.get("/labels").status_code == 403


def test_what_was_read_as_specs_can_be_applied_again(admin: Client, session: Session) -> None:
    host = factories.make_host(session, hostname="orion")
    session.commit()
    specs = [
        {"name": "By query", "description": "d", "query": "SELECT 1", "platform": "darwin"},
        {"name": "By hand", "label_membership_type": "manual", "hosts": ["orion", "unknown", "orion"]},
        {"name": "Nobody", "label_membership_type": "manual", "hosts": []},
    ]
    assert admin.post("/spec/labels", {"specs": specs}).json == {}
    read = admin.get("/spec/labels").json["specs"]
    assert [spec["name"] for spec in read][8:] == ["By query", "By hand", "Nobody"]
    assert (read[9]["hosts"], read[10]["hosts"]) == (["orion"], [])
    assert "hosts" not in read[8] and "platform" not in read[9]
    assert admin.post("/spec/labels", {"specs": read}).json == {}
    assert admin.get("/spec/labels").json["specs"] == read
    assert admin.get("/spec/labels/By%2520hand").json["specs"] == read[9]
    assert admin.get("/spec/labels/nope").status_code == 404
    del read[9]["hosts"]
    assert admin.post("/spec/labels", {"specs": [read[9]]}).json == {}
    assert session.scalars(select(LabelMembership.label_id).where(LabelMembership.host_id == host.id)).all() == [
        6, read[9]["id"],
    ]  # fmt: skip


def test_a_spec_that_cannot_be_applied_leaves_nothing(admin: Client, session: Session) -> None:
    for spec, status, reason in [
        ({"name": "L", "query": "SELECT 1", "hosts": ["orion"]}, 422, "label L is declared as dynamic but contains"),
        ({"name": "L", "label_membership_type": "manual"}, 422, "label L is declared as manual but contains no"),
        ({"query": "SELECT 1"}, 422, "label name must not be empty"),
        ({"name": "  ", "query": "SELECT 1"}, 422, "label name must not be empty"),
        ({"name": "L", "label_membership_type": "magic"}, 400, "json decoder error"),
        ({"name": "L", "label_type": "magic"}, 400, "json decoder error"),
        (None, 400, "json decoder error"),
        ("L", 400, "json decoder error"),
    ]:
        answer = admin.post("/spec/labels", {"specs": [{"name": "First", "query": "SELECT 1"}, spec]})
        assert answer.status_code == status, answer.text
        assert answer.json["errors"][0]["reason"].startswith(reason)
        assert len(admin.get("/labels").json["labels"]) == 8


def test_no_specs_change_nothing(admin: Client) -> None:
    assert admin.post("/spec/labels", {"specs": []}).json == {}
    assert admin.post("/spec/labels", {}).json == {}


def test_names_that_cannot_be_compared_are_refused(admin: Client, session: Session) -> None:
    label = factories.make_label(session)
    session.commit()
    name = "ﷺ" * 60
    for answer in (
        admin.post("/labels", {"name": name, "query": "SELECT 1"}),
        admin.patch(f"/labels/{label.id}", {"name": name}),
        admin.post("/spec/labels", {"specs": [{"name": name, "query": "SELECT 1"}]}),
    ):
        assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "name")


def test_specs_of_many_labels_take_few_statements(admin: Client, session: Session, runtime: Runtime) -> None:
    def read() -> int:
        with statements(runtime.engine) as sent:
            assert admin.get("/spec/labels").status_code == 200
        return len(sent)

    hosts = [factories.make_host(session) for _ in range(2)]
    factories.make_label(session, label_membership_type=1, hosts=hosts)
    session.commit()
    read()  # the first one also notes that the session is used
    before = read()
    for _ in range(10):
        factories.make_label(session, label_membership_type=1, hosts=hosts)
    session.commit()
    assert read() == before


def test_a_name_that_stands_twice_in_a_file_is_one_label(admin: Client) -> None:
    specs = [{"name": "Twice", "query": "SELECT 1"}, {"name": "TWICE", "query": "SELECT 2"}]
    assert admin.post("/spec/labels", {"specs": specs}).json == {}
    made = admin.get("/spec/labels").json["specs"][8:]
    assert [(spec["name"], spec["query"]) for spec in made] == [("TWICE", "SELECT 2")]


@pytest.mark.parametrize("kind", ["labels", "queries", "packs"])
def test_a_file_of_too_many_specs_is_refused(admin: Client, kind: str) -> None:
    answer = admin.post(f"/spec/{kind}", {"specs": [{"name": "x", "query": "SELECT 1"}] * 10_001})
    assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "specs")


def test_what_becomes_of_labels_reaches_agents_at_once(
    admin: Client, anonymous: Client, session: Session, runtime: Runtime
) -> None:
    agent = Agent(runtime.plane)
    agent.enroll(secret=factories.SECRET)

    def asked() -> set[str]:
        return {name.rpartition("_")[2] for name in agent.read()["queries"] if name.startswith("fleet_label_query_")}

    built_in = asked()
    made = str(admin.post("/labels", {"name": "Made", "query": "SELECT 1"}).json["label"]["id"])
    assert asked() == built_in | {made}
    admin.post("/spec/labels", {"specs": [{"name": "Applied", "query": "SELECT 1"}]})
    [applied] = asked() - built_in - {made}
    admin.delete(f"/labels/id/{applied}")
    assert asked() == built_in | {made}
    pack = factories.make_pack(session, "Aimed")
    session.add(PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=int(made)))
    session.commit()
    agent.write({f"fleet_label_query_{made}": [{"1": "1"}]})
    assert set(agent.config()["packs"]) == {"Aimed"}
    assert admin.delete(f"/labels/id/{made}").status_code == 200
    assert "packs" not in agent.config()


def test_whoever_is_in_a_team_counts_and_lists_the_hosts_of_the_own_team(app: Flask, session: Session) -> None:
    team = factories.make_team(session)
    own, other = factories.make_host(session, hostname="own", team_id=team.id), factories.make_host(session)
    label = factories.make_label(session, "Chosen", query="", label_membership_type=1, hosts=[own, other])
    session.commit()
    client = client_of(app, team_roles={team.id: "observer"})
    assert client.get(f"/labels/{label.id}").json["label"]["count"] == 1
    assert [found["count"] for found in client.get("/labels").json["labels"] if found["id"] == label.id] == [1]
    assert [host["hostname"] for host in client.get(f"/labels/{label.id}/hosts").json["hosts"]] == ["own"]
    assert client.get("/spec/labels/Chosen").json["specs"]["hosts"] == ["own"]
    assert [spec["hosts"] for spec in client.get("/spec/labels").json["specs"] if "hosts" in spec] == [["own"]]
