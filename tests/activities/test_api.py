"""The list of what people did."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from fleet.accounts.models import User
from fleet.activities import service as activities
from fleet.authz.check import Actor
from tests import factories
from tests.conftest import Client, client_of


@pytest.fixture
def five(session: Session) -> None:
    factories.make_organization(session)
    user = factories.make_user(session, name="Ada", email="ada@example.com", gravatar_url="https://x/ada.png")
    gone = factories.make_user(session, name="Gone")
    for number, by in enumerate((user, user, gone, None, user)):
        actor = Actor(by.id, by.name, by.email) if by else None
        activities.record(session, actor, f"kind_{number}", {"number": number} if number else None)
        session.flush()
    session.delete(gone)
    session.commit()


def listed(client: Client, query: str = "") -> Any:
    answer = client.get("/activities" + query)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()


def test_an_activity_shows_its_actor_as_of_today(five: None, admin: Client, session: Session) -> None:
    session.query(User).filter_by(email="ada@example.com").update({"name": "Ada L."})
    session.commit()
    first, _, third, fourth, _ = listed(admin)["activities"]
    assert set(first) == {
        "created_at", "id", "actor_full_name", "actor_id", "actor_gravatar", "actor_email", "type", "details",
    }  # fmt: skip
    assert (first["actor_full_name"], first["actor_gravatar"], first["details"]) == ("Ada L.", "https://x/ada.png", {})
    assert set(third) == {"created_at", "id", "actor_full_name", "type", "details"}
    assert third["actor_full_name"] == "Gone"
    assert set(fourth) == {"created_at", "id", "type", "details"}


def test_pages_tell_whether_there_is_more(five: None, admin: Client) -> None:
    first = listed(admin, "?per_page=2&order_key=id&order_direction=desc")
    assert [one["type"] for one in first["activities"]] == ["kind_4", "kind_3"]
    assert first["meta"] == {"has_next_results": True, "has_previous_results": False}
    last = listed(admin, "?per_page=2&page=2&order_key=id&order_direction=desc")
    assert [one["type"] for one in last["activities"]] == ["kind_0"]
    assert last["meta"] == {"has_next_results": False, "has_previous_results": True}
    assert listed(admin, "?per_page=5")["meta"]["has_next_results"] is False
    assert listed(admin, "?page=9&per_page=5")["activities"] == []


def test_a_cursor_has_no_meta(five: None, admin: Client) -> None:
    found = listed(admin, "?order_key=id&after=3&per_page=1")
    assert found["meta"] is None
    assert [one["type"] for one in found["activities"]] == ["kind_3"]


@pytest.mark.parametrize("key", ["nope", "details", "password_hash", "users.password_hash", "id;--", "`id`", "id desc"])
def test_only_named_keys_order_the_list(admin: Client, key: str) -> None:
    answer = admin.get("/activities", query_string={"order_key": key})
    assert answer.status_code == 422
    assert "Error 1054" in answer.get_json()["errors"][0]["reason"]


@pytest.mark.parametrize("role", ["admin", "maintainer", "observer_plus", "observer"])
def test_all_who_read_globally_read_it(app: Flask, role: str) -> None:
    assert listed(client_of(app, global_role=role))["activities"] == []


def test_team_roles_and_gitops_do_not_read_it(app: Flask, session: Session) -> None:
    team_id = factories.make_team(session).id
    session.commit()
    assert client_of(app, global_role="gitops").get("/activities").status_code == 403
    assert client_of(app, team_roles={team_id: "admin"}).get("/activities").status_code == 403
