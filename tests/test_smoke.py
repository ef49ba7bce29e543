"""The application comes up on both databases."""

from flask import Flask


def test_health_is_reported(app: Flask) -> None:
    assert app.test_client().get("/healthz").status_code == 200
