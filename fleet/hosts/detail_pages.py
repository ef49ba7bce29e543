"""The page of one host: its details, its schedule, and asking it anew."""

import json
from typing import Any

from flask import make_response, request, url_for
from flask.typing import ResponseReturnValue
from jinja2_fragments.flask import render_block
from sqlalchemy import or_, select

from fleet.authz.check import Thing, can
from fleet.db.portable import contains
from fleet.extensions import db
from fleet.hosts import detail
from fleet.hosts import service as hosts
from fleet.hosts.api import loaded
from fleet.hosts.door import pages
from fleet.hosts.listing import HostRow
from fleet.hosts.platforms import readable
from fleet.hosts.schemas import encryption, item, restarted_at
from fleet.packs.models import Pack
from fleet.queries.models import Query
from fleet.shapes import digits
from fleet.web.context import current_actor, runtime
from fleet.web.pages import go_to, is_htmx, own_path, render

POLLS = 30
"""How often the page looks whether a refetch is done, two seconds apart."""


def _head(row: HostRow) -> dict[str, Any]:
    """What the head and the summary of a host's page show."""
    seen_at = runtime().batch.last("seen", row.id)
    back = own_path(request.args.get("back"), url_for("hosts.index"))
    return {
        "host": item(row, seen_at=seen_at),
        "encrypted": encryption(row),
        "has_disk": row.disk_host_id is not None,
        "platform": readable(row.platform),
        "fetched": row.detail_updated_at,
        "restarted": restarted_at(row),
        "back": back,
        "may_delete": can(current_actor(), "write", Thing("host", row.team_id)),
        "may_query": _may_query(row),
        "polls": None,
    }


def _may_query(row: HostRow) -> bool:
    """Whether whoever asks might run some query on this host."""
    return can(current_actor(), "read", Thing("query", row.team_id))


@pages.get("/hosts/<id:host_id>")
def show(host_id: int) -> ResponseReturnValue:
    """What is known of the host."""
    row = loaded(host_id)
    labels = detail.labels_of(db.session(), row.id)
    return render("hosts/detail.html", block="tab", tab="details", labels=labels, **_head(row))


@pages.get("/hosts/<id:host_id>/schedule")
def schedule(host_id: int) -> ResponseReturnValue:
    """What the host is asked on a schedule; packs only for those who may read packs."""
    row = loaded(host_id)
    packs = detail.packs_of(db.session(), row) if can(current_actor(), "read", Pack) else []
    schedules = detail.schedules_of(db.session(), row, packs)
    return render("hosts/detail.html", block="tab", tab="schedule", schedules=schedules, **_head(row))


@pages.post("/hosts/<id:host_id>/refetch")
def refetch(host_id: int) -> ResponseReturnValue:
    """Ask the host for its details as soon as it calls, and watch for them."""
    row = loaded(host_id)
    hosts.refetch(db.session(), row.id)
    if not is_htmx():
        return go_to("hosts.show", "The host is asked for its details as soon as it calls.", host_id=row.id)
    return render_block("hosts/detail.html", "head", **_head(row) | {"polls": 1})


@pages.get("/_/hosts/<id:host_id>/refetch")
def refetching(host_id: int) -> ResponseReturnValue:
    """The head of the page while a refetch is on its way."""
    row = loaded(host_id)
    if not is_htmx():
        return go_to("hosts.show", host_id=row.id)
    polls = (digits(request.args.get("n", ""), 999) or 0) + 1
    waiting = row.refetch_requested and polls <= POLLS
    response = make_response(
        render_block("hosts/detail.html", "head", **_head(row) | {"polls": polls if waiting else None})
    )
    if not row.refetch_requested:
        response.headers["HX-Trigger"] = json.dumps(
            {"toast": {"kind": "success", "text": "The host has told its details."}, "refresh": "tab"}
        )
    elif not waiting:
        text = "The host has not answered within a minute. It tells its details when it calls again."
        response.headers["HX-Trigger"] = json.dumps({"toast": {"kind": "warning", "text": text}})
    return response


@pages.get("/hosts/<id:host_id>/query")
def query(host_id: int) -> ResponseReturnValue:
    """Choose a saved query to ask this host, or write a new one."""
    row = loaded(host_id)
    match = request.args.get("query", "").replace("\x00", "").strip()[:255]
    found = select(Query).where(Query.saved.is_(True), or_(Query.team_id.is_(None), Query.team_id == row.team_id))
    if match:
        found = found.where(contains(Query.__table__.c.name, match))
    may_ask = can(current_actor(), "run_new", Thing("query", row.team_id))
    if not may_ask:
        found = found.where(Query.observer_can_run.is_(True))
    saved = [
        query
        for query in db.session().scalars(found.order_by(Query.name_key, Query.id).limit(50))
        if can(current_actor(), "read", query)
    ]
    return render("hosts/query.html", block="saved", host=item(row), saved=saved, match=match, may_ask=may_ask)
