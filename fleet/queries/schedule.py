"""Queries that run on an interval on all hosts, or on those of a team: a view over saved queries."""

from sqlalchemy import BindParameter, ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.authz.check import Actor
from fleet.errors import Invalid
from fleet.names import fold, too_long
from fleet.queries import service
from fleet.queries.models import Query
from fleet.queries.schemas import NewQuery, QueryChange, Schedule, ScheduleChange, ScheduledOut

INTERVAL_MAX = 604_800
"""A week: osquery runs nothing more rarely."""

RUNS = and_(Query.saved, Query.automations_enabled, Query.interval > 0)
"""A query runs on an interval, as SQL over queries."""


def runs_for(team_id: int | BindParameter[int] | None) -> ColumnElement[bool]:
    """A query runs on an interval on the hosts of a team (or of none), as SQL: everybody's, and the team's own."""
    everybody = Query.team_id.is_(None)
    return and_(RUNS, everybody if team_id is None else or_(everybody, Query.team_id == team_id))


def logging_of(snapshot: bool | None, removed: bool | None) -> str | None:
    """How results are logged, said with osquery's two switches; none when either is not given."""
    if snapshot is None or removed is None:
        return None
    if snapshot:
        return "snapshot"
    return "differential" if removed else "differential_ignore_removals"


def switches(logging: str) -> tuple[bool, bool]:
    """The same back: (snapshot, removed)."""
    return logging in ("", "snapshot"), logging == "differential"


def present(query: Query) -> ScheduledOut:
    """A scheduled query in the clothes of a pack's entry."""
    snapshot, removed = switches(query.logging)
    return ScheduledOut(
        created_at=clock.ZERO,
        updated_at=clock.ZERO,
        id=query.id,
        pack_id=0,
        name=query.name,
        query_id=query.id,
        query_name=query.name,
        query=query.query,
        description=query.description,
        interval=query.interval,
        snapshot=snapshot,
        removed=removed,
        platform=query.platform,
        version=query.min_osquery_version,
        shard=None,
        denylist=None,
    )


def add(session: Session, asked: Schedule, team_id: int | None, by: Actor) -> Query:
    """Copy a global query into the schedule of all hosts, or of a team."""
    source = service.saved(session, asked.query_id)
    if source.team_id is not None:
        whose = "global" if team_id is None else "team"
        raise Invalid(f"cannot create a {whose} schedule from a team query", name="query_id")
    new = NewQuery(
        name=_free_name(session, source.name, team_id),
        description=source.description,
        query=source.query,
        team_id=team_id,
        interval=asked.interval,
        platform=asked.platform if asked.platform is not None else source.platform,
        min_osquery_version=asked.version if asked.version is not None else source.min_osquery_version,
        observer_can_run=source.observer_can_run,
        automations_enabled=True,
        logging=logging_of(asked.snapshot, asked.removed) or "",
    )
    return service.create(session, new, by)


def _free_name(session: Session, name: str, team_id: int | None) -> str:
    second = int(clock.now().timestamp())
    while True:
        copy = f"Copy of {name} ({second})"
        if too_long(copy):
            name = name[:-1]
            continue
        taken = select(Query.id).where(Query.team_key == (team_id or 0), Query.name_key == fold(copy))
        if session.scalar(taken) is None:
            return copy
        second += 1


def modify(session: Session, query: Query, change: ScheduleChange, by: Actor) -> None:
    """Change when and where a scheduled query runs."""
    given = {
        "interval": change.interval,
        "platform": change.platform,
        "min_osquery_version": change.version,
        "logging": logging_of(change.snapshot, change.removed),
    }
    service.modify(session, query, QueryChange.model_validate(given), by)
