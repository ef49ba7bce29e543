"""The pages of live queries: whom to ask, and the run as it happens."""

from typing import Any
from urllib.parse import parse_qs

from flask import Response, current_app, make_response, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from fleet import clock
from fleet.authz.check import Thing, Visible, can, can_run, visible_teams
from fleet.errors import BadRequest, FleetError, Forbidden, Invalid
from fleet.extensions import db
from fleet.hosts import listing as hosts
from fleet.hosts.listing import Filter
from fleet.hosts.status import is_online
from fleet.live import picking, tickets
from fleet.live import service as live
from fleet.live.models import Campaign, CampaignStatus
from fleet.live.tickets import Ticket
from fleet.queries import service as queries
from fleet.queries.models import Query
from fleet.schema import SQL_MAX
from fleet.shapes import digits
from fleet.targets import service as target_service
from fleet.targets.service import Selection
from fleet.web import doors
from fleet.web.addresses import parts
from fleet.web.context import after_commit, allowed, authorize, current_actor, runtime
from fleet.web.json import dump
from fleet.web.pages import go_to, go_to_url, problems_by_field, render

pages = doors.pages("live", __name__)

TARGET = Thing("target")

LONG = 4000
"""Longer SQL does not go into an address."""


@pages.get("/queries/<id:query_id>/live")
def targets(query_id: int) -> str:
    """Whom to ask a saved query."""
    query = _saved(query_id)
    edited = request.args.get("query", "")[:SQL_MAX]
    return _picker(query, request.args, edited if edited and can(current_actor(), "run_new", Query) else query.query)


@pages.get("/queries/new/live")
def new_targets() -> str:
    """Whom to ask SQL of one's own."""
    authorize("run_new", Query)
    return _picker(None, request.args, request.args.get("query", "")[:SQL_MAX])


@pages.post("/queries/<id:query_id>/live")
def run_query(query_id: int) -> str | AnyResponse | tuple[str, int]:
    """Run a saved query; SQL that was edited is asked once, and the saved query stays as it is."""
    query = _saved(query_id)
    return _run(query, request.form)


@pages.post("/queries/new/live")
def run_new() -> str | AnyResponse | tuple[str, int]:
    """Run SQL of one's own."""
    authorize("run_new", Query)
    return _run(None, request.form)


# `live.targets` is the name that other pages link to, with a query or without one.
pages.add_url_rule("/queries/new/live", "targets", build_only=True)


def _saved(query_id: int) -> Query:
    actor = current_actor()
    query = queries.known(db.session(), query_id, actor)
    observers, team_id = query.observer_can_run, query.team_id
    allowed(can_run(actor, observer_can_run=observers, query_team_id=team_id, target_teams=None))
    return query


def _visible(query: Query | None) -> Visible:
    return live.askable(current_actor(), query) if query else visible_teams(current_actor(), observers=False)


def _address(query: Query | None, /, **parameters: Any) -> str:
    return url_for("live.targets", query_id=query.id if query else None, **parameters)


def _picker(query: Query | None, given: MultiDict[str, str], sql: str, refused: FleetError | None = None) -> str:
    match = given.get("host_query", "").replace("\x00", "")[:255]
    shown = picking.picker(db.session(), picking.selected(given), _visible(query), match)
    problems = problems_by_field(refused) if refused else {}
    if shown.unknown and not refused:
        problems = problems_by_field(Invalid(shown.unknown))
    return render(
        "live/targets.html",
        query=query,
        sql=sql,
        may_edit=can(current_actor(), "run_new", Query),
        action=_address(query),
        picker=shown,
        problems=problems,
    )


def _run(query: Query | None, form: MultiDict[str, str]) -> str | AnyResponse | tuple[str, int]:
    selection = picking.selected(form)
    sql = form.get("query", query.query if query else "").replace("\r\n", "\n")
    if form.get("action") == "find":
        if len(sql) > LONG:
            return _picker(query, form, sql[:SQL_MAX])
        found = picking.as_parameters(selection)
        match = form.get("host_query", "")[:255]
        edited = sql if _is_edited(query, sql) else None
        return go_to_url(_address(query, **found, host_query=match or None, query=edited))
    try:
        started = _start(query, selection, sql)
    except FleetError as refused:
        return _picker(query, form, sql, refused), refused.status
    carrier = runtime().live
    after_commit(lambda: started.ask(carrier))
    return go_to("live.run", campaign_id=started.campaign_id)


def _is_edited(query: Query | None, sql: str) -> bool:
    """Whether SQL is something else than what the query is saved with."""
    return query is None or sql.strip() not in ("", query.query.replace("\r\n", "\n").strip())


def _start(query: Query | None, selection: Selection, sql: str) -> live.Started:
    session, actor = db.session(), current_actor()
    live.check_possible(session, runtime().live, actor)
    gone = picking.unknown(session, selection)
    if gone:
        raise Invalid(gone)
    if len(sql) > SQL_MAX or "\x00" in sql:
        raise Invalid("SQL is at most 64 KB of text, without NUL characters", name="query")
    own = query is None or _is_edited(query, sql)
    asked = live.question(session, actor, sql=sql, query_id=None if own or query is None else query.id)
    try:
        return live.start(session, actor, asked, selection, teams=selection.team_ids or None)
    except BadRequest:
        if selection == Selection([], [], []):
            raise BadRequest("Choose whom to ask: all hosts, a platform, a label or single hosts.") from None
        raise BadRequest("No host is selected that you may ask.") from None


@pages.get("/_/targets/count")
def count() -> AnyResponse:
    """The selection in words and numbers; the address of the page follows."""
    query = _asked()
    shown = picking.picker(db.session(), picking.selected(request.args), _visible(query), "")
    response = make_response(render("live/targets.html", block="selection", query=query, picker=shown, problems={}))
    response.headers["HX-Replace-Url"] = _address(query, **shown.address, query=_edited())
    return response


@pages.get("/_/targets/search")
def search() -> str:
    """The hosts that a text finds, below those that are chosen."""
    query = _asked()
    match = request.args.get("host_query", "").replace("\x00", "")[:255]
    shown = picking.picker(db.session(), picking.selected(request.args), _visible(query), match)
    return render("live/targets.html", block="hosts", query=query, picker=shown, problems={})


def _edited() -> str | None:
    """The SQL in the address of the page that asks, which stays there."""
    shown = parse_qs(parts(request.headers.get("HX-Current-URL", "")).query)
    return shown.get("query", [""])[0][:LONG] or None


def _asked() -> Query | None:
    authorize("read", TARGET)
    query_id = digits(request.args.get("query_id", ""))
    return None if query_id is None else _saved(query_id)


@pages.get("/live/<id:campaign_id>")
def run(campaign_id: int) -> str:
    """The run, as its results come."""
    campaign = _own(campaign_id)
    session, actor = db.session(), current_actor()
    query = queries.get(session, campaign.query_id)
    selection = live.selection_of(session, campaign)
    ticket = Ticket(actor.session_id, actor.user_id, campaign.id)
    again = url_for("live.run_query_post", query_id=query.id) if query.saved else url_for("live.run_new_post")
    return render(
        "live/run.html",
        campaign=campaign,
        query=query,
        fresh=campaign.status == CampaignStatus.WAITING,
        ticket=tickets.issue(str(current_app.secret_key), ticket),
        counts=live.progress(session, campaign, actor),
        again=again,
        selection=picking.as_parameters(selection),
        edit=_address(query if query.saved else None, **picking.as_parameters(selection), **_sql_of(query)),
    )


def _sql_of(query: Query) -> dict[str, str]:
    return {} if query.saved or len(query.query) > LONG else {"query": query.query}


@pages.post("/_/live/<id:campaign_id>/ticket")
def ticket(campaign_id: int) -> Response:
    """A new ticket, for a page that was opened too long before its script ran."""
    campaign, actor = _own(campaign_id), current_actor()
    fresh = tickets.issue(str(current_app.secret_key), Ticket(actor.session_id, actor.user_id, campaign.id))
    return _json({"ticket": fresh})


@pages.get("/_/live/<id:campaign_id>/hosts")
def hosts_of_run(campaign_id: int) -> Response:
    """All hosts that a run asks, so that its page can name those that do not answer: id, name, whether it is
    online, version of osquery."""
    campaign = _own(campaign_id)
    session, actor = db.session(), current_actor()
    query = queries.get(session, campaign.query_id)
    selection, visible = live.selection_of(session, campaign), live.askable(actor, query)
    wanted = target_service.condition(session, selection, visible)
    now = clock.now()
    return _json(
        {
            "hosts": [
                [
                    row.id,
                    row.display_name or row.hostname or f"Host {row.id}",
                    is_online(row.seen_time, row.distributed_interval, row.config_tls_refresh, now),
                    row.osquery_version,
                ]
                for row in session.execute(hosts.shown(Filter(), visible).where(wanted))
            ]
        }
    )


def _own(campaign_id: int) -> Campaign:
    campaign = live.get(db.session(), campaign_id)
    allowed(campaign.user_id == current_actor().user_id)
    if not can_run(current_actor(), observer_can_run=True, query_team_id=None, target_teams=None):
        raise Forbidden()
    return campaign


def _json(value: object) -> Response:
    return Response(dump(value, compact=True), content_type="application/json")
