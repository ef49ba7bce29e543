"""Whether the server is well, and which version it is."""

import platform

from flask import Response, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from fleet import VERSION
from fleet.app_config.models import AppConfigRow
from fleet.authz.check import Thing
from fleet.db.engine import reading
from fleet.errors import FleetError
from fleet.extensions import db
from fleet.live import service as live
from fleet.web import doors
from fleet.web.context import authorize, current_actor, runtime

api = doors.api("status", __name__)

BUILD = {
    "version": VERSION,
    "branch": "main",
    "revision": "",
    "go_version": f"python{platform.python_version()}",
    "build_date": "",
    "build_user": "",
}


@api.route("/healthz")
def healthz() -> Response:
    """200 when the database and the live store answer; `?check=` picks one of them."""
    checks = {"mysql": _database, "redis": runtime().live.ping}
    for name in request.args.getlist("check") or checks:
        if name not in checks:
            return Response("the provided check is not valid\n", 400, content_type="text/plain; charset=utf-8")
        try:
            checks[name]()
        except (SQLAlchemyError, FleetError):
            return Response(status=500)
    return Response(status=200)


def _database() -> None:
    with reading(runtime().engine) as connection:
        connection.execute(text("SELECT 1"))


@api.route("/version")
def version() -> Response:
    """The version, to everybody."""
    return doors.present(BUILD)


@api.get("/version")
def api_version() -> doors.Json:
    """The version, to whoever is signed in."""
    authorize("read", Thing("version"))
    return BUILD


@api.get("/status/result_store")
def result_store() -> doors.Json:
    """Whether results of live queries can be carried."""
    authorize("read", AppConfigRow)
    runtime().live.ping()
    return {}


@api.get("/status/live_query")
def live_query() -> doors.Json:
    """Whether live queries can be run."""
    authorize("read", AppConfigRow)
    live.check_possible(db.session(), runtime().live, current_actor())
    return {}
