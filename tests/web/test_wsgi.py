"""What stands before Flask: clean paths."""

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app


def location(app: Flask, path: str, query: str = "") -> tuple[str, str | None]:
    """Status and target for a path as a server hands it in: decoded."""
    environ: dict[str, Any] = EnvironBuilder(path="/", query_string=query).get_environ()
    environ["PATH_INFO"] = path.encode().decode("latin-1")
    _, status, headers = run_wsgi_app(app, environ)
    return status[:3], headers.get("Location")


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("//evil.example", "/evil.example"),
        ("/./\\evil.example", "/%5Cevil.example"),
        ("/.//\\evil.example/", "/%5Cevil.example/"),
        ("/../..//evil.example", "/evil.example"),
        ("//a\r\nSet-Cookie: b=c", "/a%0D%0ASet-Cookie:%20b=c"),
        ("//a?b#c%", "/a%3Fb%23c%25"),
        ("//ü", "/%C3%BC"),
        ("/api", "/api/"),
        ("/hosts/../queries/", "/queries/"),
    ],
)
def test_an_unclean_path_leads_to_the_clean_one_on_this_server(app: Flask, path: str, clean: str) -> None:
    assert location(app, path) == ("301", clean)
    assert location(app, path, "x=1") == ("301", clean + "?x=1")


class TestPrefix:
    """Behind a URL prefix."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_SERVER_URL_PREFIX": "/inner"}

    def test_what_is_not_below_the_prefix_is_not_there(self, app: Flask) -> None:
        for path in ("/", "/login", "/innermost/login", "/healthz", "/assets/app.css", "/api/v1/setup"):
            assert location(app, path) == ("404", None)
        for path in ("/inner", "/inner/", "/inner/hosts/manage"):
            assert location(app, path) == ("307", "/inner/setup")
        assert location(app, "/inner//login") == ("301", "/inner/login")


@pytest.mark.parametrize("path", ["/.well-known/x", "/login", "/api/", "/a.b"])
def test_a_clean_path_is_left_alone(app: Flask, path: str) -> None:
    assert location(app, path)[0] != "301"
