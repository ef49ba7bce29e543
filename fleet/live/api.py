"""The JSON routes of live queries; the WebSockets that carry the answers are mounted here, too."""

from collections.abc import Sequence

from fleet.app_config.models import AppConfigRow
from fleet.authz.check import visible_teams
from fleet.errors import BadRequest
from fleet.extensions import db
from fleet.live import service as live
from fleet.live import sockets, synchronous
from fleet.live.schemas import RunAndWait, RunQuery, RunQueryByNames, campaign_out
from fleet.queries.models import Query
from fleet.targets import service as targets
from fleet.targets.service import Selection
from fleet.web import doors
from fleet.web.context import after_commit, anyone, authorize, current_actor, runtime, settings
from fleet.web.parsing import parse

api = doors.api("live", __name__)
sockets.mount(api)


@api.post("/queries/run")
def run_query() -> doors.Json:
    """Put a query to hosts, labels and teams by their ids."""
    authorize("read", AppConfigRow)
    asked = parse(RunQuery)
    query = _question(asked)
    return _started(query, asked.selected.selection(), asked.selected.teams)


@api.post("/queries/run_by_names")
def run_query_by_names() -> doors.Json:
    """The same, by hostnames and label names."""
    authorize("read", AppConfigRow)
    asked = parse(RunQueryByNames)
    query = _question(asked)
    visible = visible_teams(current_actor(), observers=query.observer_can_run)
    selection = targets.named(db.session(), asked.selected.hosts, asked.selected.labels, visible)
    return _started(query, selection)


def _question(asked: RunQuery | RunQueryByNames) -> Query:
    live.check_possible(db.session(), runtime().live, current_actor())
    return live.question(db.session(), current_actor(), sql=asked.query, query_id=asked.query_id)


def _started(query: Query, selection: Selection, teams: Sequence[int] | None = None) -> doors.Json:
    started = live.start(db.session(), current_actor(), query, selection, teams=teams)
    carrier = runtime().live
    after_commit(lambda: started.ask(carrier))
    return {"campaign": campaign_out(started.campaign, started.counts)}


@api.get("/queries/run")
def run_queries_and_wait() -> doors.Json:
    """Put saved queries to hosts and give back what they answered within the period."""
    actor = current_actor()
    anyone()  # each query is authorized on its own, and says so in its part of the answer
    asked = parse(RunAndWait)
    if not asked.query_ids:
        raise BadRequest("missing required argument", name="query_ids")
    db.session().rollback()  # neither a connection nor a snapshot is held while hosts are awaited
    period = settings().live.query_rest_period
    return synchronous.run(runtime().engine, runtime().live, actor, asked.query_ids, asked.host_ids, period)
