"""Every door authenticates, asks who may, runs one transaction, and answers in one shape."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError

from fleet.db import changes
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
        if how == "long":
            factories.make_label(db.session(), "half" * 100)
        if how == "bug":
            raise ZeroDivisionError("a secret detail")
        if how == "shown-again":
            return {"message": "no"}, 422
        return {"how": how}

    @api.get("/throwaway_of_old", versions=doors.V1)
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_text_that_no_column_holds_is_the_mistake_of_who_sent_it(app_with_doors: Flask) -> None:
    answer = client(app_with_doors).post("/throwaway/long", {})
    assert (answer.status_code, answer.get_json()["message"]) == (422, "Validation Failed")
    assert answer.get_json()["errors"][0]["reason"].startswith("Error 1406")
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
    assert caller.get("/throwaway_of_old", version="v1").status_code == 200
    assert caller.get("/throwaway_of_old", version="latest").status_code == 404
    assert caller.get("/throwaway_of_old", version="v2").status_code == 404


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
    answer = admin.get(f"/hosts/{2**63}")
    assert (answer.status_code, answer.get_json()["message"]) == (400, "Bad request")
    assert answer.get_json()["errors"] == [{"name": "base", "reason": "uintFromRequest"}]
    assert admin.get(f"/hosts/{2**63 - 1}").status_code == 404


def test_a_deeply_nested_body_is_a_bad_request(admin: Client) -> None:
    answer = admin.call("POST", "/login", data=b'{"email":' + b"[" * 1000 + b"]" * 1000 + b"}")
    assert (answer.status_code, answer.get_json()["message"]) == (400, "Bad request")


@contextmanager
def database_away(app: Flask) -> Iterator[None]:
    """No connection can be made, and those that stood are gone."""
    engine: Engine = app.extensions["fleet"].engine
    error = engine.dialect.loaded_dbapi.OperationalError

    def refuse(*_arguments: object) -> None:
        raise error("away")

    engine.dispose()
    event.listen(engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(engine, "do_connect", refuse)


def test_while_the_database_is_away_api_and_pages_say_so(app_with_doors: Flask) -> None:
    caller = client(app_with_doors)
    assert caller.get("/me").status_code == 200
    app_with_doors.extensions["fleet"].organization.changed("app_config", 0)
    with database_away(app_with_doors):
        answer = caller.get("/me")
        assert (answer.status_code, answer.get_json()["message"]) == (503, "Service Unavailable")
        page = caller.flask.get("/hosts/manage")
        assert page.status_code == 503 and "Not available at the moment" in page.text
        assert caller.flask.get("/healthz").status_code == 500
    assert caller.get("/me").status_code == 200
    assert "Example" in caller.flask.get("/login").text


def test_what_is_stored_is_not_told_as_failed_because_news_cannot_be_read(app_with_doors: Flask) -> None:
    done: list[str] = []

    def refuse(*_arguments: object) -> None:
        raise OperationalError("", {}, Exception("away"))

    api = doors.api("late", __name__)

    @api.post("/late")
    def late() -> doors.Json:
        context.anyone()
        changes.announce(db.session(), changes.CONFIG)
        context.after_commit(lambda: done.append("told"))
        return {}

    app_with_doors.register_blueprint(api)
    watcher = app_with_doors.extensions["fleet"].watcher
    watcher.listen(refuse)
    assert client(app_with_doors).post("/late", {}).status_code == 200
    assert done == ["told"]


def test_a_refusal_is_logged_with_who_and_what_but_not_with_the_address(
    app_with_doors: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answer = client(app_with_doors, "observer").post("/throwaway/hunter2", {})
    [record] = [record for record in caplog.records if record.getMessage() == "refused"]
    fields = record.__dict__["fields"]
    assert fields["uuid"] == answer.get_json()["uuid"]
    assert (fields["status"], fields["method"], fields["user"]) == (403, "POST", 1)
    assert fields["route"].endswith("/throwaway/<how>") and "hunter2" not in str(fields)


def test_a_bug_is_logged_once(app_with_doors: Flask, caplog: pytest.LogCaptureFixture) -> None:
    client(app_with_doors).post("/throwaway/bug", {})
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_body_over_the_cap_is_413(admin: Client) -> None:
    answer = admin.post("/login", {"email": "a" * (10 << 20), "password": "x"})
    assert answer.status_code == 413
    assert answer.get_json()["errors"][0]["reason"]
