"""The application comes up on both databases."""

from flask import Flask


def test_health_is_reported(app: Flask) -> None:
    assert app.test_client().get("/healthz").status_code == 200


def test_one_part_is_asked_for_its_health_and_an_unknown_one_is_refused(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/healthz?check=mysql").status_code == 200
    refused = client.get("/healthz?check=nope")
    assert (refused.status_code, refused.text) == (400, "the provided check is not valid\n")
