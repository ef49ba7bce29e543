"""What an instance answers before and after it is set up."""

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from fleet.web.context import runtime
from fleet.web.errors import is_api, no_route

API = ("/api/v1/setup", "/api/setup")
PAGES = ("/setup", "/_/setup/check")
ALWAYS = ("/healthz", "/version")
"""Paths that answer as ever, set up or not. Agents are answered before requests come here."""


def install(app: Flask) -> None:
    """Send everybody to setup while it is due, and nobody afterwards."""

    @app.before_request
    def route() -> AnyResponse | None:
        path = request.path.rstrip("/") or "/"
        if runtime().setup_required():
            return _before(path)
        return _after(path)


def _before(path: str) -> AnyResponse | None:
    if is_api(request.path):
        return None if request.path in API else no_route()
    as_ever = path in ALWAYS or path in PAGES or path.startswith(("/debug/", "/assets/"))
    if as_ever or (request.url_rule is not None and request.endpoint == "metrics"):
        return None
    return redirect(url_for("setup.wizard"), 307)


def _after(path: str) -> AnyResponse | None:
    if request.path in API:
        return no_route()
    return redirect(url_for("accounts.login"), 307) if path in PAGES else None
