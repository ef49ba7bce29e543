"""The JSON routes of queries, of their specs, and of the schedules that are views over them."""

from flask import request

from fleet import clock
from fleet.authz.check import Thing, can_run
from fleet.errors import BadRequest, NotFound
from fleet.extensions import db
from fleet.queries import listing, schedule, service, specs
from fleet.queries.models import Query
from fleet.queries.schemas import NewQuery, QueryChange, QueryIds, QuerySpecs, Schedule, ScheduleChange, ScheduledOut
from fleet.shapes import digits
from fleet.web import doors
from fleet.web.context import authorize, current_actor
from fleet.web.doors import SINCE_2022, V1, Json
from fleet.web.listing import list_options
from fleet.web.names import decoded
from fleet.web.parsing import MB, parse

api = doors.api("queries", __name__)

SPECS_CAP = 8 * MB
TEAM_SCHEDULE = "/<any(teams,team):alias>/<team_id>/schedule"


def loaded(query_id: int, action: str) -> Query:
    """The query, if whoever asks may do `action` to it."""
    query = service.known(db.session(), query_id, current_actor())
    authorize(action, query)
    return query


def shown(query: Query) -> Json:
    """The answer that holds one query."""
    session = db.session()
    packs = listing.packs_of(session, [query.id]).get(query.id, [])
    return {"query": listing.present(query, service.author(session, query), packs)}


def runnable_only(team_id: int | None) -> bool:
    """Whether whoever asks sees only the queries that observers may run."""
    return not can_run(current_actor(), observer_can_run=False, query_team_id=team_id, target_teams=None)


def _asked_team() -> int | None:
    text = request.args.get("team_id", "")
    if text and digits(text) is None:
        raise BadRequest("parsing uint from query", name="team_id")
    return digits(text) or None


def _number(text: str) -> int:
    number = digits(text)
    if number is None:
        raise BadRequest("uintFromRequest")
    return number


@api.get("/queries")
def list_queries() -> Json:
    """The saved queries of a team, or the global ones."""
    current_actor()
    team_id = _asked_team()
    authorize("read", Thing("query", team_id))
    wanted = listing.Filter(team_id=team_id, runnable_only=runnable_only(team_id))
    session = db.session()
    return {"queries": listing.shown(session, listing.page(session, wanted, list_options()))}


@api.post("/queries")
def create_query() -> Json:
    """Save a query."""
    actor = current_actor()
    new = parse(NewQuery)
    authorize("write", Thing("query", new.team_id))
    query = service.create(db.session(), new, actor)
    author = (actor.name or actor.email, actor.email)
    zero = {"created_at": clock.ZERO, "updated_at": clock.ZERO}
    return {"query": listing.present(query, author, []).model_copy(update=zero)}


@api.get("/queries/<id:query_id>")
def get_query(query_id: int) -> Json:
    """One query."""
    return shown(loaded(query_id, "read"))


@api.patch("/queries/<id:query_id>")
def modify_query(query_id: int) -> Json:
    """Change a query."""
    query = loaded(query_id, "write")
    service.modify(db.session(), query, parse(QueryChange), current_actor())
    return shown(query)


@api.delete("/queries/<name>")
def delete_query_by_name(name: str) -> Json:
    """Delete the global query of this name."""
    current_actor()
    query = service.by_name(db.session(), decoded(name))
    authorize("write", query)
    service.delete(db.session(), query, current_actor())
    return {}


@api.delete("/queries/id/<id:query_id>")
def delete_query(query_id: int) -> Json:
    """Delete a query."""
    service.delete(db.session(), loaded(query_id, "write"), current_actor())
    return {}


@api.post("/queries/delete")
def delete_queries() -> Json:
    """Delete several queries, all or none."""
    actor = current_actor()
    ids = parse(QueryIds).ids
    queries = service.many(db.session(), ids, actor)
    for query in queries:
        authorize("write", query)
    if not queries:
        authorize("write", Thing("query"))
    return {"deleted": service.delete_many(db.session(), queries, actor)}


@api.post("/spec/queries", cap=SPECS_CAP)
def apply_query_specs() -> Json:
    """Make queries as their specs say."""
    actor = current_actor()
    given = parse(QuerySpecs).specs
    teams = specs.teams_of(db.session(), given)
    for team_id in {teams[spec.team] for spec in given} or {None}:
        authorize("write", Thing("query", team_id))
    specs.apply(db.session(), given, teams, actor)
    return {}


@api.get("/spec/queries")
def list_query_specs() -> Json:
    """The specs of the global queries."""
    authorize("read", Thing("query"))
    found = specs.listed(db.session(), runnable_only=runnable_only(None))
    return {"specs": found or None}


@api.get("/spec/queries/<name>")
def get_query_spec(name: str) -> Json:
    """The spec of one query."""
    current_actor()
    query = service.by_name(db.session(), decoded(name), _asked_team())
    authorize("read", query)
    return {"specs": specs.of(db.session(), query)}


def _scheduled(team_id: int | None) -> list[ScheduledOut]:
    wanted = listing.Filter(team_id=team_id, runnable_only=runnable_only(team_id), scheduled_only=True)
    return [schedule.present(item.query) for item in listing.page(db.session(), wanted, list_options())]


@api.get("/global/schedule", versions=V1)
@api.get("/schedule", versions=SINCE_2022)
def list_global_schedule() -> Json:
    """What runs on all hosts on an interval."""
    authorize("read", Thing("query"))
    return {"global_schedule": _scheduled(None)}


@api.post("/global/schedule", versions=V1)
@api.post("/schedule", versions=SINCE_2022)
def add_to_global_schedule() -> Json:
    """Copy a query into the schedule of all hosts."""
    authorize("write", Thing("query"))
    query = schedule.add(db.session(), parse(Schedule), None, current_actor())
    return {"scheduled": schedule.present(query)}


@api.patch("/global/schedule/<id:query_id>", versions=V1)
@api.patch("/schedule/<id:query_id>", versions=SINCE_2022)
def modify_global_schedule(query_id: int) -> Json:
    """Change when and where a scheduled query runs."""
    query = loaded(query_id, "write")
    schedule.modify(db.session(), query, parse(ScheduleChange), current_actor())
    return {"scheduled": schedule.present(query)}


@api.delete("/global/schedule/<id:query_id>", versions=V1)
@api.delete("/schedule/<id:query_id>", versions=SINCE_2022)
def remove_from_global_schedule(query_id: int) -> Json:
    """Delete a scheduled query."""
    service.delete(db.session(), loaded(query_id, "write"), current_actor())
    return {}


@api.get(TEAM_SCHEDULE)
def list_team_schedule(alias: str, team_id: str) -> Json:
    """What runs on the hosts of a team on an interval."""
    current_actor()
    team = _number(team_id)
    authorize("read", Thing("query", team))
    return {"scheduled": _scheduled(team) if team else []}


@api.post(TEAM_SCHEDULE)
def add_to_team_schedule(alias: str, team_id: str) -> Json:
    """Copy a query into the schedule of a team."""
    current_actor()
    team = _number(team_id)
    authorize("write", Thing("query", team))
    query = schedule.add(db.session(), parse(Schedule), team, current_actor())
    return {"scheduled": schedule.present(query)}


def _of_team(team_id: str, query_id: str) -> Query:
    current_actor()
    team, number = _number(team_id), _number(query_id)
    query = loaded(number, "write")
    if query.team_id != team:
        raise NotFound.of("Query", number)
    return query


@api.patch(TEAM_SCHEDULE + "/<query_id>")
def modify_team_schedule(alias: str, team_id: str, query_id: str) -> Json:
    """Change when and where a scheduled query of a team runs."""
    schedule.modify(db.session(), _of_team(team_id, query_id), parse(ScheduleChange), current_actor())
    return {}


@api.delete(TEAM_SCHEDULE + "/<query_id>")
def remove_from_team_schedule(alias: str, team_id: str, query_id: str) -> Json:
    """Delete a scheduled query of a team."""
    service.delete(db.session(), _of_team(team_id, query_id), current_actor())
    return {}
