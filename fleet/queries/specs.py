"""Queries as people keep them in files: applied as a whole, and given back."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.activities import service as activities
from fleet.authz.check import Actor
from fleet.db import changes
from fleet.db.portable import batches, unique
from fleet.errors import DuplicateEntry, NotFound
from fleet.names import fold
from fleet.queries import service
from fleet.queries.models import Query
from fleet.queries.schemas import QuerySpec, QuerySpecOut
from fleet.teams.models import Team


def teams_of(session: Session, specs: Sequence[QuerySpec]) -> dict[str, int | None]:
    """The id of each team that the specs name (the empty name: none); `NotFound` names one that is not there."""
    wanted = {spec.team: fold(spec.team) for spec in specs if spec.team}
    found: dict[str, int] = {}
    for some in batches(sorted(set(wanted.values()))):
        rows = session.execute(select(Team.name_key, Team.id).where(Team.name_key.in_(some)))
        found |= dict(rows.all())
    for name, key in wanted.items():
        if key not in found:
            raise NotFound.of("Team", name)
    return {"": None} | {name: found[key] for name, key in wanted.items()}


def apply(session: Session, specs: Sequence[QuerySpec], teams: Mapping[str, int | None], by: Actor) -> None:
    """Make each query as its spec says, new or over the one of that name; the last spec of a name wins."""
    for spec in specs:
        service.verify(spec)
    if not specs:
        return
    wanted = {((teams[spec.team] or 0), fold(spec.name)): spec for spec in specs}
    stored = _stored(session, wanted)
    with unique(session, lambda: DuplicateEntry.of(specs[0].name, service.UNIQUE_NAME), "the team"):
        for (team_key, name_key), spec in wanted.items():
            query = stored.get((team_key, name_key))
            if query is None:
                query = Query(team_id=team_key or None, team_key=team_key)
                session.add(query)
            for field, value in spec.model_dump(exclude={"team"}).items():
                setattr(query, field, value)
            query.name_key = name_key
            query.author_id = by.user_id
            query.saved = True
    changes.announce(session, changes.CONFIG)
    activities.record(session, by, "applied_spec_saved_query", {"specs": [spec.model_dump() for spec in specs]})


def _stored(session: Session, wanted: Mapping[tuple[int, str], QuerySpec]) -> dict[tuple[int, str], Query]:
    team_keys = sorted({team_key for team_key, _ in wanted})
    found: dict[tuple[int, str], Query] = {}
    for keys in batches(sorted({name_key for _, name_key in wanted})):
        for some in batches(team_keys):
            rows = session.scalars(select(Query).where(Query.saved, Query.team_key.in_(some), Query.name_key.in_(keys)))
            found |= {(query.team_key, query.name_key): query for query in rows}
    return found


def listed(session: Session, *, runnable_only: bool) -> list[QuerySpecOut]:
    """The specs of all global queries."""
    statement = select(Query).where(Query.team_key == 0, Query.saved).order_by(Query.id)
    if runnable_only:
        statement = statement.where(Query.observer_can_run)
    return [QuerySpecOut.of(query, "") for query in session.scalars(statement)]


def of(session: Session, query: Query) -> QuerySpecOut:
    """The spec of one query."""
    team = session.scalar(select(Team.name).where(Team.id == query.team_id)) if query.team_id else None
    return QuerySpecOut.of(query, team or "")
