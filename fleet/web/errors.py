"""Errors become responses, here and only here."""

import logging
import uuid
from typing import Any

from flask import Flask, Response, g, has_request_context, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import BadRequest as Unreadable
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as NoRoute

from fleet.errors import BadRequest, Conflict, FleetError, Invalid, Problem, TooLarge, Unavailable
from fleet.web.json import dump

log = logging.getLogger("fleet.errors")


def envelope(error: FleetError) -> dict[str, Any]:
    """What is answered, also to agents: the error's own envelope, with a uuid that stands in the log too."""
    reference = str(uuid.uuid4())
    fields = _asked() | {"status": error.status, "reason": str(error), "uuid": reference}
    log.info("refused", extra={"fields": fields})
    return error.envelope() | {"uuid": reference}


def _asked() -> dict[str, Any]:
    """Who asked for what, at the doors of people: never the address itself, for that may hold a secret."""
    if not has_request_context():
        return {}
    actor, rule = g.get("actor"), request.url_rule
    return {
        "method": request.method,
        "route": rule.rule if rule else "none",
        "user": actor.user_id if actor else "none",
    }


NO_ROUTE = b"404 page not found\n"


def no_route() -> Response:
    """The answer of every path under /api that there is not, or not yet."""
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(NO_ROUTE, 404, headers, content_type="text/plain; charset=utf-8")


def is_api(path: str) -> bool:
    """Whether a path belongs to programs (JSON) and not to people (pages)."""
    return path == "/api" or path.startswith("/api/")


def _answer(error: FleetError) -> Response | tuple[str, int]:
    if is_api(request.path):
        return Response(
            dump(envelope(error)), error.status, error.headers, content_type="application/json; charset=utf-8"
        )
    from fleet.web.pages import error_page  # pages know errors, errors know how to show one

    return error_page(error, envelope(error)["uuid"])


def _http(error: HTTPException) -> Any:
    if is_api(request.path):
        if isinstance(error, NoRoute):
            return no_route()
        if isinstance(error, MethodNotAllowed):
            return Response(b"", 405)
    if isinstance(error, Unreadable):
        return _answer(BadRequest(error.description or ""))
    if isinstance(error, RequestEntityTooLarge):
        return _answer(TooLarge("the body is too large"))
    return _answer(FleetError(error.description or "", message=error.name, status=error.code or 500))


def database_error(error: DBAPIError | PoolTimeout) -> FleetError:
    """A value that a column cannot hold is the caller's mistake; a database that does not answer is not."""
    if isinstance(error, (OperationalError, PoolTimeout)):
        log.error("database unavailable: %s", error)
        return Unavailable("the database does not answer, try again")
    if (getattr(error.orig, "sqlstate", None) or "").startswith("22"):
        return Invalid("Error 1406 (22001): Data too long for column")
    log.exception("database error")
    return FleetError("internal error", message="internal error")


def register(app: Flask) -> None:
    """Answer every error of this application."""

    @app.errorhandler(FleetError)
    def fleet_error(error: FleetError) -> Any:
        return _answer(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Any:
        return _http(error)

    @app.errorhandler(DBAPIError)
    @app.errorhandler(PoolTimeout)
    def db_error(error: DBAPIError | PoolTimeout) -> Any:
        return _answer(database_error(error))

    @app.errorhandler(StaleDataError)
    def gone_meanwhile(_error: StaleDataError) -> Any:
        return _answer(Conflict("it was deleted meanwhile"))

    @app.errorhandler(500)
    def bug(_error: Exception) -> Any:
        # Flask has logged it with its traceback.
        return _answer(FleetError([Problem("base", "internal error")], message="internal error"))
