"""What can be done with saved queries."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete as sql_delete
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.accounts.models import User
from fleet.activities import service as activities
from fleet.authz.check import Actor
from fleet.db import changes
from fleet.db.portable import batches, unique
from fleet.errors import AlreadyExists, BadRequest, DuplicateEntry, NotFound, Problem
from fleet.names import fold, is_blank
from fleet.queries.models import Query
from fleet.queries.schemas import NewQuery, QueryChange, QuerySpec

PLATFORMS = ("darwin", "windows", "linux", "chrome")
LOGGING = ("snapshot", "differential", "differential_ignore_removals")

UNIQUE_NAME = "idx_team_id_name_unq"


def get(session: Session, query_id: int) -> Query:
    """The query with this id, or `NotFound`."""
    query = session.get(Query, query_id)
    if query is None:
        raise NotFound.of("Query", query_id)
    return query


def known(session: Session, query_id: int, by: Actor) -> Query:
    """The same as far as `by` knows of it: what was asked once and never saved is there for who asked it alone."""
    query = get(session, query_id)
    if not _knows(by, query):
        raise NotFound.of("Query", query_id)
    return query


def _knows(by: Actor, query: Query) -> bool:
    return query.saved or query.author_id == by.user_id


def saved(session: Session, query_id: int) -> Query:
    """The saved query with this id, or `NotFound`."""
    query = get(session, query_id)
    if not query.saved:
        raise NotFound.of("Query", query_id)
    return query


def held(session: Session, query: Query) -> Query:
    """The query as it stands now; nobody else changes it before this transaction ends."""
    statement = select(Query).where(Query.id == query.id).with_for_update().execution_options(populate_existing=True)
    found = session.scalar(statement)
    if found is None:
        raise NotFound.of("Query", query.id)
    return found


def by_name(session: Session, name: str, team_id: int | None = None) -> Query:
    """The saved query that has this name in the team (none: among the global ones), or `NotFound`."""
    named = select(Query).where(Query.team_key == (team_id or 0), Query.name_key == fold(name), Query.saved)
    query = session.scalar(named)
    if query is None:
        raise NotFound.of("Query", name)
    return query


def faults(new: NewQuery | QueryChange | QuerySpec) -> list[Problem]:
    """What is not acceptable about a query, each problem with its field; absent fields of a change are fine."""
    found = []
    if new.name is not None and is_blank(new.name):
        found.append(Problem("name", "query name cannot be empty"))
    if new.query is not None and not new.query.strip():
        found.append(Problem("query", "query's SQL query cannot be empty"))
    if new.logging and new.logging not in LOGGING:
        listed = "'snapshot', 'differential', 'differential_ignore_removals'"
        found.append(Problem("logging", f"invalid logging value, must be one of {listed}"))
    if new.platform and any(part.strip() not in PLATFORMS for part in new.platform.split(",")):
        listed = "'darwin', 'linux', 'windows', and/or 'chrome'"
        found.append(
            Problem("platform", f"query's platform must be a comma-separated list of {listed} in a single string")
        )
    return found


def verify(new: NewQuery | QueryChange | QuerySpec) -> None:
    """Refuse a query that is not acceptable, in the words that clients know."""
    found = faults(new)
    if found:
        raise BadRequest(f"query payload verification: {found[0].reason}")


def create(session: Session, new: NewQuery, by: Actor) -> Query:
    """Save a query. Scheduled ones reach the hosts with their next config."""
    verify(new)
    query = add(session, new, by)
    activities.record(session, by, "created_saved_query", {"query_id": query.id, "query_name": query.name})
    return query


def add(session: Session, new: NewQuery, by: Actor) -> Query:
    """Store a query that was verified."""
    query = Query(
        **new.model_dump(), team_key=new.team_id or 0, name_key=fold(new.name), author_id=by.user_id, saved=True
    )
    with unique(session, lambda: AlreadyExists(f'Query "{new.name}" already exists'), "the team"):
        session.add(query)
    changes.announce(session, changes.CONFIG)
    return query


def modify(session: Session, query: Query, change: QueryChange, by: Actor) -> None:
    """Change what the change names; team and author stay."""
    verify(change)
    with unique(session, lambda: DuplicateEntry.of(change.name, UNIQUE_NAME)):
        for field, value in change.model_dump(exclude_unset=True).items():
            setattr(query, field, value)
        query.name_key = fold(query.name)
    changes.announce(session, changes.CONFIG)
    activities.record(session, by, "edited_saved_query", {"query_id": query.id, "query_name": query.name})


def delete(session: Session, query: Query, by: Actor) -> None:
    """Delete a query; it vanishes from all packs."""
    activities.record(session, by, "deleted_saved_query", {"query_name": query.name})
    session.delete(query)
    session.flush()
    changes.announce(session, changes.CONFIG)


def delete_many(session: Session, queries: Sequence[Query], by: Actor) -> int:
    """Delete queries together; gives how many there were."""
    ids = sorted({query.id for query in queries})
    if not ids:
        return 0
    for some in batches(ids):
        session.execute(sql_delete(Query).where(Query.id.in_(some)))
    changes.announce(session, changes.CONFIG)
    activities.record(session, by, "deleted_multiple_saved_query", {"query_ids": ids})
    return len(ids)


def many(session: Session, ids: Iterable[int], by: Actor) -> list[Query]:
    """The queries with these ids, each once; `NotFound` names the first that is not there for `by`."""
    wanted = list(dict.fromkeys(ids))
    found: dict[int, Query] = {}
    for some in batches(wanted):
        found |= {query.id: query for query in session.scalars(select(Query).where(Query.id.in_(some)))}
    for query_id in wanted:
        if query_id not in found or not _knows(by, found[query_id]):
            raise NotFound.of("Query", query_id)
    return [found[query_id] for query_id in wanted]


def author(session: Session, query: Query) -> tuple[str, str]:
    """Name and e-mail of its author, who saved it or applied its spec; both empty when that user is gone."""
    if query.author_id is None:
        return "", ""
    row = session.execute(select(User.name, User.email).where(User.id == query.author_id)).one_or_none()
    return (row.name or row.email, row.email) if row else ("", "")
