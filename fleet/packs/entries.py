"""The entries of packs: saved queries on an interval."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.db import changes
from fleet.db.portable import unique
from fleet.errors import BadRequest, DuplicateEntry, Invalid, NotFound
from fleet.names import fold, too_long
from fleet.packs.models import ScheduledQuery
from fleet.packs.schemas import EntryChange, NewEntry
from fleet.queries import service as queries
from fleet.queries.models import Query
from fleet.queries.schedule import INTERVAL_MAX
from fleet.queries.schemas import ScheduledOut

UNIQUE_NAME = "unique_names_in_packs"

Entry = tuple[ScheduledQuery, Query]


def is_interval(seconds: int) -> bool:
    """Whether a pack may run a query this often."""
    return 1 <= seconds <= INTERVAL_MAX


def of_pack(pack_id: int) -> Select[ScheduledQuery, Query]:
    """The entries of a pack with their queries, to be ordered and cut."""
    return select(ScheduledQuery, Query).join(Query).where(ScheduledQuery.pack_id == pack_id)


def get(session: Session, entry_id: int) -> Entry:
    """An entry with its query, or `NotFound`."""
    statement = select(ScheduledQuery, Query).join(Query).where(ScheduledQuery.id == entry_id)
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound.of("ScheduledQuery", entry_id)
    return row


def _runnable(session: Session, query_id: int | None) -> Query:
    """The global query that an entry may run."""
    if query_id is None:
        raise NotFound("Query was not found in the datastore")
    query = queries.saved(session, query_id)
    if query.team_id is None:
        return query
    same = session.scalar(select(Query).where(Query.saved, Query.team_key == 0, Query.name_key == query.name_key))
    if same is None:
        reason = "Error 1452 (23000): Cannot add or update a child row: packs run global queries, not those of a team"
        raise Invalid(reason, name="query_id")
    return same


def _free_name(session: Session, pack_id: int, name: str) -> str:
    taken = set(session.scalars(select(ScheduledQuery.name_key).where(ScheduledQuery.pack_id == pack_id)))
    while fold(name) in taken:
        name += "-1"
    if too_long(name):
        raise Invalid("Error 1406 (22001): Data too long for column 'name'", name="name")
    return name


def add(session: Session, new: NewEntry) -> Entry:
    """Schedule a query in a pack, under its own name or the next one that is free."""
    if not is_interval(new.interval):
        raise BadRequest("invalid scheduled query interval")
    query = _runnable(session, new.query_id)
    name = _free_name(session, new.pack_id, query.name)
    given = new.model_dump(exclude={"query_id"})
    entry = ScheduledQuery(**given, query_id=query.id, name=name, name_key=fold(name))
    with unique(session, lambda: DuplicateEntry.of(f"{name}-{new.pack_id}", UNIQUE_NAME), "the pack"):
        session.add(entry)
    changes.announce(session, changes.CONFIG)
    return entry, query


def modify(session: Session, entry: ScheduledQuery, change: EntryChange) -> Query:
    """Change what the change names; gives the query that the entry runs now."""
    if change.interval is not None and not is_interval(change.interval):
        raise BadRequest("invalid scheduled query interval")
    given = change.model_dump(exclude_unset=True)
    if change.query_id is not None:
        given["query_id"] = _runnable(session, change.query_id).id
    if change.shard == "":
        given["shard"] = None
    with unique(session, lambda: DuplicateEntry.of(f"{entry.name}-{change.pack_id}", UNIQUE_NAME), "the pack"):
        for name, value in given.items():
            setattr(entry, name, value)
    changes.announce(session, changes.CONFIG)
    return session.get_one(Query, entry.query_id)


def remove(session: Session, entry: ScheduledQuery) -> None:
    """Take a query out of a pack."""
    session.delete(entry)
    session.flush()
    changes.announce(session, changes.CONFIG)


def present(entry: ScheduledQuery, query: Query, *, listed: bool = False) -> ScheduledOut:
    """An entry as it is shown; lists and answers to a creation carry no timestamps."""
    return ScheduledOut(
        created_at=clock.ZERO if listed else entry.created_at,
        updated_at=clock.ZERO if listed else entry.updated_at,
        id=entry.id,
        pack_id=entry.pack_id,
        name=entry.name if listed else query.name,
        query_id=query.id,
        query_name=query.name,
        query=query.query,
        description=entry.description,
        interval=entry.interval,
        snapshot=entry.snapshot,
        removed=entry.removed,
        platform=entry.platform,
        version=entry.version,
        shard=entry.shard,
        denylist=entry.denylist,
    )
