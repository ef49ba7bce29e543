"""Every door authenticates, asks who may, runs one transaction, and answers in one shape."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.errors import Invalid
from fleet.extensions import db
from fleet.labels.models import Label
from fleet.web import context, doors
from tests import factories
from tests.conftest import Client


@pytest.fixture
def app_with_doors(own_app: Flask) -> Flask:
    """An application with throwaway routes."""
    api = doors.api("throwaway", __name__)

    @api.post("/throwaway/<how>")
    def throwaway(how: str) -> doors.Json:
        if how != "unasked":
            context.authorize("write", Label)
        factories.make_label(db.session(), "half")
        if how == "refused":
            raise Invalid("no", name="field")
        if how == "bug":
            raise ZeroDivisionError("a secret detail")
        if how == "shown-again":
            return {"message": "no"}, 422
        return {"how": how}

    @api.get("/throwaway/versions", versions=doors.V1)
    def old() -> doors.Json:
        context.anyone()
        return {}

    own_app.register_blueprint(api)
    return own_app


def client(app: Flask, role: str = "admin") -> Client:
    with app.app_context():
        factories.make_organization(db.session())
        token = factories.sign_in(db.session(), factories.make_user(db.session(), global_role=role))
        db.session.commit()
    return Client(app.test_client(), token)


def stored(app: Flask) -> bool:
    with app.app_context():
        return db.session.scalar(select(Label.id).where(Label.name == "half")) is not None


def test_a_handler_that_returns_is_committed(app_with_doors: Flask) -> None:
    assert client(app_with_doors).post("/throwaway/right", {}).get_json() == {"how": "right"}
    assert stored(app_with_doors)


@pytest.mark.parametrize(("how", "status"), [("unasked", 500), ("refused", 422), ("bug", 500), ("shown-again", 422)])
def test_nothing_half_written_is_left(app_with_doors: Flask, how: str, status: int) -> None:
    assert client(app_with_doors).post(f"/throwaway/{how}", {}).status_code == status
    assert not stored(app_with_doors)


def test_a_bug_is_answered_without_details(app_with_doors: Flask) -> None:
    answer = client(app_with_doors).post("/throwaway/bug", {})
    body = answer.get_json()
    assert answer.content_type == "application/json; charset=utf-8"
    assert set(body) == {"message", "errors", "uuid"}
    assert "secret" not in answer.text
    uuid.UUID(body["uuid"])


def test_whoever_may_not_is_forbidden_and_whoever_is_unknown_unauthenticated(app_with_doors: Flask) -> None:
    assert client(app_with_doors, "observer").post("/throwaway/right", {}).get_json()["message"] == "forbidden"
    assert Client(app_with_doors.test_client()).post("/throwaway/right", {}).status_code == 401
    assert not stored(app_with_doors)


def test_versions_stand_side_by_side(app_with_doors: Flask) -> None:
    caller = client(app_with_doors)
    assert caller.get("/throwaway/versions", version="v1").status_code == 200
    assert caller.get("/throwaway/versions", version="latest").status_code in (404, 405)
    assert caller.get("/throwaway/versions", version="v2").status_code == 404


def test_unknown_paths_and_wrong_methods_answer_as_the_contract_says(admin: Client) -> None:
    unknown = admin.get("/nope")
    assert (unknown.status_code, unknown.text) == (404, "404 page not found\n")
    wrong = admin.call("DELETE", "/version")
    assert (wrong.status_code, wrong.data, wrong.headers.get("Allow")) == (405, b"", None)
    for method in ("HEAD", "OPTIONS"):
        assert admin.call(method, "/version").status_code == 405
    assert admin.get("/version/").status_code == 404
    assert admin.get("/api//latest/fleet/version", version="").status_code == 301


def test_an_id_beyond_64_bits_is_a_bad_request(admin: Client) -> None:
    assert admin.get(f"/hosts/{2**63}").status_code == 400
    assert admin.get(f"/hosts/{2**63 - 1}").status_code == 404


def test_a_body_over_the_cap_is_413(admin: Client) -> None:
    answer = admin.post("/login", {"email": "a" * (10 << 20), "password": "x"})
    assert answer.status_code == 413
    assert answer.get_json()["errors"][0]["reason"]
