"""The JSON routes of hosts."""

from collections.abc import Iterable

from flask import Response, request

from fleet import clock
from fleet.authz.check import Thing, visible_teams
from fleet.errors import BadRequest, Invalid
from fleet.extensions import db
from fleet.hosts import detail, filtering, lifecycle, listing, report
from fleet.hosts import service as hosts
from fleet.hosts.listing import Filter, HostRow
from fleet.hosts.models import Host
from fleet.hosts.presenting import items
from fleet.hosts.schemas import HostSearch, HostSelection, candidate
from fleet.hosts.summary import summarize
from fleet.labels import service as labels
from fleet.labels.models import Label, LabelType
from fleet.labels.schemas import summary_out
from fleet.queries import service as queries
from fleet.web import doors
from fleet.web.context import authorize, current_actor, runtime
from fleet.web.doors import Json
from fleet.web.listing import list_options
from fleet.web.names import decoded
from fleet.web.parsing import MB, parse

api = doors.api("hosts", __name__)

IDS_CAP = 2 * MB


def _wanted() -> Filter:
    """The filter of this request; members of a label are listed to those who may read labels."""
    if request.args.get("label_id"):
        authorize("read", Label)
    return filtering.read(request.args)


@api.get("/hosts")
def list_hosts() -> Json:
    authorize("list", Host)
    rows = listing.page(db.session(), _wanted(), visible_teams(current_actor()), list_options())
    return {"hosts": items(db.session(), rows)}


@api.get("/hosts/count")
def count_hosts() -> Json:
    authorize("list", Host)
    return {"count": listing.count(db.session(), _wanted(), visible_teams(current_actor()))}


@api.get("/hosts/report")
def report_hosts() -> Json:
    authorize("list", Host)
    form = request.args.get("format", "")
    if not form:
        raise BadRequest("Param Format is required")
    if form != "csv":
        raise Invalid("unsupported or unspecified report format", name="format", status=415)
    chosen = report.columns(request.args.get("columns", ""))
    statement = listing.shown(_wanted(), visible_teams(current_actor()))
    lines = report.lines(runtime().engine, listing.in_order(statement, list_options()), chosen)
    return Response(lines, headers=report.headers(), content_type="text/csv")


@api.post("/hosts/search", reads=True)
def search_hosts() -> Json:
    authorize("list", Host)
    sought = parse(HostSearch)
    observers = False
    if sought.query_id is not None:
        query = queries.known(db.session(), sought.query_id, current_actor())
        authorize("read", query)
        observers = query.observer_can_run
    to = visible_teams(current_actor(), observers=observers)
    rows = listing.search(db.session(), sought.query, to, excluded=sought.excluded_host_ids)
    now = clock.now()
    found = [candidate(row, now) for row in rows]
    return {"hosts": found, "targets": {"hosts": found}}


@api.get("/hosts/<id:host_id>")
def get_host(host_id: int) -> Json:
    return _described(loaded(host_id))


def loaded(host_id: int) -> HostRow:
    """The host of a path, if whoever asks may read it."""
    authorize("list", Host)
    row = hosts.get(db.session(), host_id)
    authorize("read", Thing("host", row.team_id))
    return row


@api.get("/hosts/identifier/<path:identifier>")
def get_host_by_identifier(identifier: str) -> Json:
    authorize("list", Host)
    row = hosts.identify(db.session(), decoded(identifier), visible_teams(current_actor()))
    authorize("read", Thing("host", row.team_id))
    return _described(row)


def _described(row: HostRow) -> Json:
    return {"host": detail.describe(db.session(), row, seen_at=runtime().batch.last("seen", row.id))}


@api.delete("/hosts/<id:host_id>")
def delete_host(host_id: int) -> Json:
    authorize("list", Host)
    _delete(hosts.teams_of(db.session(), [host_id]))
    return {}


@api.post("/hosts/delete", cap=IDS_CAP)
def delete_hosts() -> Json:
    authorize("list", Host)
    selection = parse(HostSelection)
    if selection.ids is not None and selection.filters is not None:
        raise BadRequest("Cannot specify a list of ids and filters at the same time")
    if selection.filters is not None:
        wanted = filtering.of_body(selection.filters)
        _delete(listing.selected(db.session(), wanted, visible_teams(current_actor())))
    elif selection.ids:
        _delete(hosts.teams_of(db.session(), selection.ids))
    else:
        raise Invalid("name the hosts to delete, by ids or by filters", name="ids")
    return {}


def _delete(teams: dict[int, int | None]) -> None:
    authorize_each("write", teams.values())
    lifecycle.delete(db.session(), list(teams))


def authorize_each(action: str, teams: Iterable[int | None]) -> None:
    """Go on only if whoever asks may do `action` to hosts of each of these teams."""
    for team_id in set(teams):
        authorize(action, Thing("host", team_id))


@api.post("/hosts/<id:host_id>/refetch")
def refetch_host(host_id: int) -> Json:
    hosts.refetch(db.session(), loaded(host_id).id)
    return {}


@api.get("/host_summary")
def summarize_hosts() -> Json:
    authorize("list", Host)
    given = {name: request.args[name] for name in ("team_id", "low_disk_space") if request.args.get(name)}
    low = filtering.check("low_disk_space", given["low_disk_space"]) if "low_disk_space" in given else 0
    team_id = filtering.check("team_id", given["team_id"]) if "team_id" in given else None
    wanted = Filter(team_id=team_id or None, platform=request.args.get("platform", "").replace("\x00", ""))
    found = summarize(db.session(), wanted, visible_teams(current_actor()), low_disk_space=low)
    built_in = [label for label in labels.every(db.session()) if label.label_type == LabelType.BUILTIN]
    return {
        **({"team_id": team_id} if team_id else {}),
        "totals_hosts_count": found.total,
        "online_count": found.online,
        "offline_count": found.offline,
        "mia_count": found.missing,
        "missing_30_days_count": found.missing,
        "new_count": found.new,
        "all_linux_count": found.linux,
        **({"low_disk_space_count": found.low_disk} if low else {}),
        "builtin_labels": [summary_out(label) for label in built_in],
        "platforms": [{"platform": platform, "hosts_count": count} for platform, count in found.platforms.items()]
        or None,
    }
