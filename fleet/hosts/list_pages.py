"""The list of hosts as a page, and its download."""

from dataclasses import replace
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import exists, select
from werkzeug.wrappers import Response as AnyResponse

from fleet import clock
from fleet.authz.check import Actor, Thing, can, visible_teams
from fleet.db.listing import ListOptions
from fleet.errors import NotFound
from fleet.extensions import db
from fleet.hosts import columns, listing, report, viewing
from fleet.hosts.door import pages
from fleet.hosts.listing import STATUSES
from fleet.hosts.models import Host
from fleet.hosts.schemas import item, restarted_at
from fleet.hosts.summary import Summary, summarize
from fleet.hosts.viewing import View
from fleet.labels import service as labels
from fleet.labels.models import Label
from fleet.teams import service as team_service
from fleet.teams.models import EnrollSecret
from fleet.web import cookies
from fleet.web.context import authorize, current_actor, runtime
from fleet.web.pages import render

YEAR = 365 * 24 * 3600


@pages.get("/hosts/manage")
def index() -> ResponseReturnValue:
    """All hosts."""
    return _list(None)


@pages.get("/hosts/manage/labels/<id:label_id>")
def of_label(label_id: int) -> ResponseReturnValue:
    """The hosts of a label."""
    authorize("read", Label)
    labels.get(db.session(), label_id)
    return _list(label_id)


@pages.get("/hosts/manage/<slug>")
def old_address(slug: str, label_id: int | None = None) -> ResponseReturnValue:
    """Addresses with a state in the path, which links of old may hold."""
    authorize("list", Host)
    if slug not in STATUSES:
        raise NotFound("there is no such list of hosts")
    if label_id is None:
        return redirect(url_for("hosts.index", status=slug), 301)
    return redirect(url_for("hosts.of_label", label_id=label_id, status=slug), 301)


for path in ("/hosts/manage/<slug>/labels/<id:label_id>", "/hosts/manage/labels/<id:label_id>/<slug>"):
    pages.add_url_rule(path, "old_address", methods=["GET"], strict_slashes=False)


def _list(label_id: int | None) -> ResponseReturnValue:
    authorize("list", Host)
    actor = current_actor()
    teams = team_service.seen(db.session(), visible_teams(actor))
    view, understood = viewing.read(label_id, teams=bool(teams))
    adds = request.args.get(viewing.ADD) == "true"
    kept = {viewing.ADD: "true"} if adds else {}
    if view.wanted.team_id is not None and view.wanted.team_id not in dict(teams):
        return redirect(view.url(team_id=None, **kept), 302)
    if view.wanted.no_team and not visible_teams(actor).everything:
        return redirect(view.url(team_id=None, **kept), 302)
    if not understood or (label_id is None and view.label_id is not None):
        return _remember(redirect(view.url(page=view.page or None, **kept), 302), view)
    counts = summarize(db.session(), replace(view.wanted, status=""), visible_teams(actor))
    total = {"online": counts.online, "offline": counts.offline, "missing": counts.missing, "mia": counts.missing,
             "new": counts.new}.get(view.wanted.status, counts.total)  # fmt: skip
    view = view.within(total)
    return render("hosts/list.html", block="results", adds=adds, **_values(view, counts, total, teams))


def _values(view: View, counts: Summary, total: int, teams: list[tuple[int, str]]) -> dict[str, Any]:
    actor = current_actor()
    to = visible_teams(actor)
    now = clock.now()
    may_add = can(actor, "read", Thing("global_enroll_secret"))
    rows = listing.page(db.session(), view.wanted, to, view.options) if total else []
    label = labels.get(db.session(), view.label_id) if view.label_id is not None else None
    return {
        "view": view,
        "counts": counts,
        "total": total,
        "hosts": [item(row, now) | {"restarted_at": restarted_at(row)} for row in rows],
        "columns": [column for column in columns.COLUMNS if column.key in view.columns],
        "all_columns": [(column.key, column.label) for column in columns.COLUMNS if teams or column.key != "team_name"],
        "labels": labels.counted(db.session(), to, ListOptions(match=view.label_match), search=True),
        "may_write_labels": can(actor, "write", Label),
        "label": label,
        "teams": teams,
        "sees_all": to.everything,
        "pills": _pills(view, dict(teams), label),
        "may_delete": may_delete(actor),
        "may_add": may_add,
        "no_secret": may_add and not _has_secret(),
        "empty_server": not total and not view.filters and not counts.total,
    }


def may_delete(actor: Actor) -> bool:
    """Whether somebody may delete some of the hosts that are listed."""
    scopes = [None, *actor.team_roles]
    return any(can(actor, "write", Thing("host", team_id)) for team_id in scopes)


def _has_secret() -> bool:
    return bool(db.session().scalar(select(exists().where(EnrollSecret.team_id.is_(None)))))


_WORDS = {
    "low_disk_space": "Less than {} GB free",
    "os_name": "System: {}",
    "os_version": "Version: {}",
    "policy_id": "Policy {}",
    "policy_response": "{}",
    "software_id": "Software {}",
    "os_id": "Operating system {}",
    "mdm_id": "MDM solution {}",
    "mdm_name": "MDM: {}",
    "mdm_enrollment_status": "MDM status: {}",
    "munki_issue_id": "Munki issue {}",
    "macos_settings": "macOS settings: {}",
    "macos_settings_disk_encryption": "Disk encryption: {}",
    "bootstrap_package": "Bootstrap package: {}",
}


def _pills(view: View, teams: dict[int, str], label: Label | None) -> list[tuple[str, str]]:
    pills = []
    if label is not None:
        pills.append((f"Label: {label.name}", view.url(label_id=None)))
    if view.filters.get("team_id"):
        name = teams.get(view.wanted.team_id or 0, "No team")
        pills.append((f"Team: {name}", view.url(team_id=None)))
    if view.match:
        pills.append((f"Search: {view.match}", view.url(query=None)))
    if view.wanted.status:
        pills.append((f"Status: {view.wanted.status}", view.url(status=None)))
    pills += [
        (words.format(view.filters[name]), view.url(**{name: None}))
        for name, words in _WORDS.items()
        if name in view.filters
    ]
    return pills


def _remember(response: AnyResponse, view: View) -> AnyResponse:
    """Keep the columns that a form has just chosen for the lists to come."""
    if "columns" in request.args:
        cookies.keep(response, viewing.COOKIE, ".".join(view.columns), seconds=YEAR)
    return response


@pages.get("/hosts/manage.csv")
def download() -> ResponseReturnValue:
    """The list as CSV: the same filters, order and columns, all pages."""
    authorize("list", Host)
    view, _ = viewing.read(None, teams=True)
    if view.label_id is not None:
        authorize("read", Label)
    statement = listing.in_order(listing.shown(view.wanted, visible_teams(current_actor())), view.options)
    lines = report.lines(runtime().engine, statement, ("display_name", *view.columns))
    return Response(lines, headers=report.headers(), content_type="text/csv; charset=utf-8")
