"""The first page: how many hosts there are and how they are, and what happened last."""

from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response as AnyResponse

from fleet.activities import listing as activities
from fleet.activities.models import Activity
from fleet.authz.check import Thing, can, visible_teams
from fleet.db.listing import ListOptions
from fleet.extensions import db
from fleet.hosts.listing import Filter
from fleet.hosts.models import Host
from fleet.hosts.summary import summarize
from fleet.labels import service as labels
from fleet.web import doors
from fleet.web.context import anyone, authorize, current_actor
from fleet.web.liststate import number
from fleet.web.pages import go_to, is_htmx, render

pages = doors.pages("dashboard", __name__)

ACTIVITIES = 8
"""Activities of one page of the card."""

FEW = 2
"""Below so many hosts the first page says how to add some."""

PLATFORMS = (("macOS", 7), ("Windows", 10), ("Linux", 12), ("ChromeOS", 13))
"""Tiles: name, and built-in label."""


@pages.get("/")
def home() -> AnyResponse:
    """The short address leads to the first page."""
    anyone()
    return redirect(url_for("dashboard.index"), 302)


@pages.get("/dashboard")
def index() -> ResponseReturnValue:
    """Hosts by platform and state; the cards fetch themselves."""
    authorize("list", Host)
    return render("dashboard/index.html", **_hosts(), **_feed(0))


def _hosts() -> dict[str, Any]:
    actor = current_actor()
    counts = summarize(db.session(), Filter(), visible_teams(actor))
    return {
        "counts": counts,
        "tiles": _tiles(),
        "few": counts.total < FEW,
        "may_add": can(actor, "read", Thing("global_enroll_secret")),
    }


def _tiles() -> list[tuple[str, int, int]]:
    seen = {label.id: count for label, count in labels.counted(db.session(), visible_teams(current_actor()))}
    return [(name, seen.get(label_id, 0), label_id) for name, label_id in PLATFORMS]


def _feed(page: int) -> dict[str, Any]:
    """The latest activities, for those who may read them."""
    if not can(current_actor(), "read", Activity):
        return {"feed": None}
    options = ListOptions(page, ACTIVITIES, "id", descending=True)
    found, more = activities.listed(db.session(), options)
    return {"feed": found, "page": page, "more": more}


@pages.get("/_/dash/hosts")
def hosts_card() -> ResponseReturnValue:
    """The hosts of the first page, as they are now."""
    authorize("list", Host)
    if not is_htmx():
        return go_to("dashboard.index")
    return render_block("dashboard/index.html", "hosts", **_hosts())


@pages.get("/_/dash/activity")
def activity_card() -> ResponseReturnValue:
    """A page of the latest activities."""
    authorize("read", Activity)
    if not is_htmx():
        return go_to("dashboard.index")
    return render_block("dashboard/index.html", "activity", **_feed(number(request.args.get("page", ""))))
