"""The tables that a query can ask, and what the SQL check says, as fragments of the editor's page."""

import hashlib
from functools import cache
from typing import Any

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from fleet import schema
from fleet.authz.check import Thing
from fleet.errors import NotFound
from fleet.web import doors
from fleet.web.context import authorize
from fleet.web.json import dump
from fleet.web.pages import is_htmx, render

pages = doors.pages("schema", __name__)

PLATFORM_NAMES = {"darwin": "macOS", "windows": "Windows", "linux": "Linux", "chrome": "ChromeOS"}


def panel(match: str = "", table: str = "") -> dict[str, Any]:
    """What the panel beside the editor shows: one table, or those whose name or description matches."""
    words = match.lower().split()
    known = schema.tables()
    found = [
        one for one in known.values() if all(word in one.name or word in one.description.lower() for word in words)
    ]
    found.sort(key=lambda one: (not all(word in one.name for word in words), one.name))
    return {
        "tables": found,
        "table": known.get(table),
        "table_match": match,
        "table_count": len(known),
        "platform_names": PLATFORM_NAMES,
    }


def _owner() -> AnyResponse | None:
    authorize("read", Thing("query"))
    return None if is_htmx() else redirect(url_for("queries.new"), 302)


@pages.get("/_/schema")
def index() -> str | AnyResponse:
    """The tables that match, for the panel."""
    return _owner() or render("schema/panel.html", block="schema", **panel(request.args.get("table_query", "")[:255]))


@pages.get("/_/schema/<table>")
def show(table: str) -> str | AnyResponse:
    """One table, for the panel."""
    elsewhere = _owner()
    if elsewhere is not None:
        return elsewhere
    if table not in schema.tables():
        raise NotFound.of("Table", table)
    return render("schema/panel.html", block="schema", **panel(table=table))


@cache
def _words() -> tuple[bytes, str]:
    words = {
        table.name: [column.name for column in table.columns if not column.hidden] for table in schema.tables().values()
    }
    body = dump(words, compact=True)
    return body, hashlib.sha256(body).hexdigest()[:32]


@pages.get("/_/schema/words.json")
def words() -> Response:
    """The names of tables and columns, for completion in the editor."""
    authorize("read", Thing("query"))
    body, tag = _words()
    response = Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(tag)
    response.make_conditional(request.environ)
    return response


@pages.post("/_/sql/check", reads=True)
def check() -> str | AnyResponse:
    """What the SQL check says about the text in the editor."""
    elsewhere = _owner()
    if elsewhere is not None:
        return elsewhere
    sql = request.form.get("query", "")[: schema.SQL_MAX + 1]
    return render("schema/check.html", block="sql_check", check=schema.check(sql), platform_names=PLATFORM_NAMES)
