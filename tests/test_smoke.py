"""The application comes up on both databases."""

import pytest
from flask import Flask

from fleet import VERSION
from fleet.errors import Unavailable
from fleet.runtime import Runtime
from tests.conftest import Client


def test_health_is_reported(app: Flask) -> None:
    assert app.test_client().get("/healthz").status_code == 200


def test_one_part_is_asked_for_its_health_and_an_unknown_one_is_refused(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz?check=mysql").status_code == 200
    refused = client.get("/healthz?check=nope")
    assert (refused.status_code, refused.text) == (400, "the provided check is not valid\n")


def test_while_results_cannot_be_carried_the_server_is_not_well(
    admin: Client, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/status/result_store", "/status/live_query"):
        assert (admin.get(path).status_code, admin.get(path).get_json()) == (200, {})

    def away() -> None:
        raise Unavailable("Redis does not answer")

    monkeypatch.setattr(runtime.live, "ping", away)
    for query, status in (("", 500), ("?check=redis", 500), ("?check=mysql", 200)):
        assert admin.flask.get(f"/healthz{query}").status_code == status
    for path in ("/status/result_store", "/status/live_query"):
        assert admin.get(path).status_code == 503


def test_the_version_is_told_to_everybody_and_over_the_api_to_who_is_signed_in(admin: Client) -> None:
    keys = {"version", "branch", "revision", "go_version", "build_date", "build_user"}
    for answer in (admin.flask.get("/version"), admin.get("/version")):
        assert set(answer.get_json()) == keys and answer.get_json()["version"] == VERSION
    assert Client(admin.flask).get("/version").status_code == 401


def test_addresses_of_other_clients_lead_somewhere(admin: Client) -> None:
    assert admin.flask.get("/previewlogin").headers["Location"] == "/login"
    assert admin.post("/demologin", {}).status_code == 403
