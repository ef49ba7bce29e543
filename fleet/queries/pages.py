"""The pages of queries: the list, the editor, and what is asked before deleting."""

from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from fleet import schema
from fleet.authz.check import Thing, can, can_run, visible_teams
from fleet.errors import AlreadyExists, DuplicateEntry, FleetError, Invalid, NotFound, Problem
from fleet.extensions import db
from fleet.queries import forms, listing, schema_pages, service
from fleet.queries.api import loaded, runnable_only
from fleet.queries.models import Query
from fleet.queries.schema_pages import PLATFORM_NAMES
from fleet.queries.schemas import QueryChange
from fleet.shapes import digits
from fleet.teams import service as teams
from fleet.teams.models import Team
from fleet.web import doors
from fleet.web.conflicts import stamp
from fleet.web.context import authorize, current_actor
from fleet.web.liststate import ListState, list_state
from fleet.web.pages import done, go_to, problems_by_field, render

pages = doors.pages("queries", __name__)
pages.register_blueprint(schema_pages.pages)

LOGGED = {
    "": "Differential",  # osquery's own way when it is told none
    "snapshot": "Snapshot",
    "differential": "Differential",
    "differential_ignore_removals": "Differential, no removals",
}
"""How rows of a scheduled query are logged, in short."""

SORTABLE = ("name", "interval", "automations_enabled", "updated_at")


def _id(text: str | None) -> int | None:
    return digits(text or "") or None


def _teams() -> list[tuple[int, str]]:
    return teams.seen(db.session(), visible_teams(current_actor()))


def _team(text: str | None) -> int | None:
    """The team that a new query shall belong to; none: all teams."""
    team_id = _id(text)
    if team_id is not None and db.session().get(Team, team_id) is None:
        raise NotFound.of("Team", team_id)
    return team_id


def _filter(given: MultiDict[str, str], match: str) -> listing.Filter:
    team_id = _id(given.get("team_id"))
    return listing.Filter(
        team_id=team_id,
        runnable_only=runnable_only(team_id),
        scheduled_only=given.get("view") == "schedule",
        match=match,
        platform=given.get("platform", "") if given.get("platform") in PLATFORM_NAMES else "",
    )


@pages.get("/queries/manage")
def index() -> str | AnyResponse:
    """The saved queries, or of them those that run on a schedule."""
    actor = current_actor()
    view = "schedule" if request.args.get("view") == "schedule" else ""
    state = list_state("queries.index", SORTABLE, order=("name", "asc"), keep=("platform", "team_id", "view"))
    team_id = _id(request.args.get("team_id"))
    if team_id is not None and not can(actor, "read", Thing("query", team_id)):
        authorize("read", Thing("query"))
        return go_to("queries.index")
    authorize("read", Thing("query", team_id))
    wanted = _filter(request.args, state.match)
    session = db.session()
    total = listing.count(session, wanted)
    state = state.within(total)
    rows = [
        {
            "query": item.query,
            "platforms": listing.runs_on(item.query),
            "every": forms.every(item.query.interval),
            "may_run": _may_run(item.query),
        }
        for item in listing.page(session, wanted, state.options)
    ]
    return render("queries/list.html", block="results", **_list_values(state, total, rows, view, team_id))


def _may_run(query: Query) -> bool:
    return can_run(
        current_actor(),
        observer_can_run=query.observer_can_run,
        query_team_id=query.team_id,
        target_teams=None,
    )


def _list_values(
    state: ListState, total: int, rows: list[dict[str, Any]], view: str, team: int | None
) -> dict[str, Any]:
    return {
        "state": state,
        "total": total,
        "rows": rows,
        "view": view,
        "team_id": team,
        "teams": _teams(),
        "platform_names": PLATFORM_NAMES,
        "platform": state.kept.get("platform", ""),
        "filtered": bool(state.match or state.kept.get("platform")),
        "loggings": LOGGED,
        "scope": Thing("query", team),
    }


@pages.get("/schedule/manage")
def schedule() -> AnyResponse:
    """The schedule is a view of the list."""
    authorize("read", Thing("query"))
    return go_to("queries.index", view="schedule")


def _editor(values: dict[str, Any], query: Query | None, **shown: Any) -> str:
    sql = str(values["query"])
    check = schema.check(sql)
    asked = request.args.get("table", "")
    match = request.args.get("table_query", "")[:255]
    team_id = query.team_id if query is not None else shown.pop("team_id", None)
    author = service.author(db.session(), query) if query is not None else ("", "")
    return render(
        "queries/form.html",
        values=values,
        query=query,
        team_id=team_id,
        may_save=can(current_actor(), "write", query if query is not None else Thing("query", team_id)),
        author=author,
        check=check if sql.strip() else None,
        frequencies=forms.FREQUENCIES,
        loggings=forms.LOGGING_NAMES,
        labels=forms.LABELS,
        teams=_teams(),
        may_run=_may_run(query) if query is not None else can(current_actor(), "run_new", Thing("query", team_id)),
        host_ids=request.values.getlist("host_ids"),
        **schema_pages.panel(match, asked or ("" if match else next(iter(check.tables), ""))),
        **{"problems": {}, "differences": [], "opened": stamp(query.updated_at) if query is not None else ""} | shown,
    )


NEW = {
    "name": "", "query": "SELECT * FROM osquery_info;", "description": "", "interval": 0, "platform": "",
    "min_osquery_version": "", "logging": "snapshot", "observer_can_run": False, "automations_enabled": False,
}  # fmt: skip


@pages.get("/queries/new")
def new() -> str:
    """The editor with nothing saved yet."""
    actor, team_id = current_actor(), _team(request.args.get("team_id"))
    authorize("write" if can(actor, "write", Thing("query", team_id)) else "run_new", Thing("query", team_id))
    return _editor(dict(NEW), None, team_id=team_id)


@pages.post("/queries/new")
def create() -> str | AnyResponse | tuple[str, int]:
    """Save a new query."""
    current_actor()
    team_id = _team(request.form.get("team_id"))
    authorize("write", Thing("query", team_id))
    values = forms.typed(request.form)
    try:
        query = service.create(db.session(), forms.read(values, team_id), current_actor())
    except (Invalid, AlreadyExists) as refused:
        return _refused(refused, values, None, team_id=team_id)
    return go_to("queries.show", "Query saved", query_id=query.id)


def _refused(refused: FleetError, values: dict[str, Any], query: Query | None, **shown: Any) -> tuple[str, int]:
    problems = problems_by_field(refused)
    if isinstance(refused, (AlreadyExists, DuplicateEntry)):
        problems = {"name": [f"There is a query of the name {values['name']} already"]}
    if query is not None:
        shown["opened"] = request.form.get("updated_at", "")  # it is still that version which is being changed
    return _editor(values, query, problems=problems, **shown), refused.status if refused.status == 409 else 422


@pages.get("/queries/<id:query_id>")
def show(query_id: int) -> str:
    """A query in the editor; those who may not change it see what it asks."""
    query = loaded(query_id, "read")
    return _editor(forms.values_of(query), query)


@pages.post("/queries/<id:query_id>")
def save(query_id: int) -> str | AnyResponse | tuple[str, int]:
    """Save a query, or save it as a new one."""
    action = request.form.get("action", "save")
    query = loaded(query_id, "read")
    authorize("write", query)
    values = forms.typed(request.form)
    session, actor = db.session(), current_actor()
    query = service.held(session, query)
    try:
        given = forms.read(values, query.team_id)
        if action == "save_as_new":
            copy = service.create(session, given, actor)
            return go_to("queries.show", "Query saved", query_id=copy.id)
        if request.form.get("updated_at") != stamp(query.updated_at):
            return _editor(values, query, differences=forms.differences(query, values), conflict=True), 409
        change = QueryChange.model_validate(given.model_dump(exclude={"team_id"}))
        service.modify(session, query, change, actor)
    except (Invalid, AlreadyExists, DuplicateEntry) as refused:
        if action == "save_as_new" and isinstance(refused, AlreadyExists):
            taken = values["name"]
            values["name"] = forms.copy_name(taken)[:255]
            problem = Problem("name", f"{taken} is taken. Save it under this name, or choose another")
            return _refused(Invalid([problem]), values, query)
        return _refused(refused, values, query)
    return go_to("queries.show", "Query saved", query_id=query.id)


def _chosen(given: MultiDict[str, str]) -> list[Query]:
    session = db.session()
    if given.get("all") == "true":
        team_id = _id(given.get("team_id"))
        authorize("read", Thing("query", team_id))
        wanted = _filter(given, given.get("query", "").replace("\x00", "").strip())
        state = ListState("queries.index", "name", "asc")
        found = [item.query for item in listing.page(session, wanted, state.everything)]
    else:
        ids = [number for number in map(_id, given.getlist("id")) if number is not None]
        found = service.many(session, ids, current_actor())
    if not found:
        raise NotFound("No query is selected.")
    for query in found:
        authorize("write", query)
    return found


@pages.get("/queries/delete")
def delete() -> str:
    """Asks before queries are deleted."""
    current_actor()
    return _confirm(_chosen(request.args), request.args)


def _confirm(queries: list[Query], given: MultiDict[str, str]) -> str:
    packs = listing.packs_of(db.session(), [query.id for query in queries])
    affected = {pack.id: pack.name for found in packs.values() for pack in found}
    return render(
        "queries/delete.html",
        queries=queries,
        packs=list(affected.values()),
        from_editor=given.get("origin") == "editor",
    )


@pages.post("/queries/delete")
def remove() -> str | AnyResponse:
    """Delete the chosen queries, all or none."""
    actor = current_actor()
    queries = _chosen(request.form)
    team_id = queries[0].team_id
    if len(queries) == 1:
        service.delete(db.session(), queries[0], actor)
    else:
        service.delete_many(db.session(), queries, actor)
    text = "Query deleted" if len(queries) == 1 else f"{len(queries):,} queries deleted"
    if request.form.get("from") == "editor":
        return go_to("queries.index", text, team_id=team_id)
    return done(text, "queries.index", team_id=team_id)
