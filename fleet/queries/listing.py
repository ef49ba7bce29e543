"""Lists of saved queries, with authors and packs, in a fixed number of statements."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from fleet import schema
from fleet.accounts.models import User
from fleet.db.listing import Columns, ListOptions, ordered, paged
from fleet.db.portable import batches, contains
from fleet.packs.models import Pack, ScheduledQuery
from fleet.queries.models import Query
from fleet.queries.schedule import RUNS
from fleet.queries.schemas import PackOfQueryOut, QueryOut
from fleet.queries.service import PLATFORMS

_C = Query.__table__.c

COLUMNS: Columns = {
    **{name: _C[name] for name in (
        "id", "description", "query", "team_id", "interval", "platform", "min_osquery_version", "automations_enabled",
        "observer_can_run", "logging", "author_id", "created_at", "updated_at",
    )},
    "name": _C.name_key,
    "schedule_interval": _C.interval,
    "author_name": User.__table__.c.name,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """Which queries: those of a team (none: the global ones), and of them those that fit the rest."""

    team_id: int | None = None
    runnable_only: bool = False
    scheduled_only: bool = False
    match: str = ""
    platform: str = ""  # that they run on


@dataclass(frozen=True, slots=True)
class Listed:
    """A query with its author."""

    query: Query
    author_name: str
    author_email: str


def _matching(wanted: Filter) -> Select[Query, str, str]:
    team_key = wanted.team_id or 0
    statement = (
        select(Query, User.name, User.email)
        .outerjoin(User, User.id == Query.author_id)
        .where(Query.team_key == team_key, Query.saved)
    )
    if wanted.runnable_only:
        statement = statement.where(Query.observer_can_run)
    if wanted.scheduled_only:
        statement = statement.where(RUNS)
    if wanted.match:
        statement = statement.where(contains(_C.name, wanted.match))
    return statement


def runs_on(query: Query) -> list[str]:
    """The platforms that a query runs on: those it is meant for, of those that have its tables."""
    meant = [part.strip() for part in query.platform.split(",") if part.strip()] or PLATFORMS
    found = schema.check(query.query)
    able = found.platforms or (() if found.tables or found.errors else PLATFORMS)
    return [name for name in PLATFORMS if name in meant and name in able]


def page(session: Session, wanted: Filter, options: ListOptions) -> list[Listed]:
    """The queries of one page of the list."""
    statement = ordered(_matching(wanted), options, COLUMNS, _C.id)
    if not wanted.platform:
        return _listed(session, paged(statement, options))
    fitting = [item for item in _listed(session, statement) if wanted.platform in runs_on(item.query)]
    first = options.page * options.per_page
    return fitting[first : first + options.per_page] if options.per_page else fitting


def _listed(session: Session, statement: Select[Query, str, str]) -> list[Listed]:
    return [Listed(query, name or "", email or "") for query, name, email in session.execute(statement)]


def count(session: Session, wanted: Filter) -> int:
    """How many queries there are in all."""
    if wanted.platform:
        return len(page(session, wanted, ListOptions()))
    matching = _matching(wanted).with_only_columns(Query.id).subquery()
    return session.scalar(select(func.count()).select_from(matching)) or 0


def packs_of(session: Session, query_ids: Sequence[int]) -> dict[int, list[PackOfQueryOut]]:
    """The packs that schedule each of these queries."""
    statement = (
        select(ScheduledQuery.query_id, Pack)
        .join(Pack, Pack.id == ScheduledQuery.pack_id)
        .order_by(ScheduledQuery.query_id, Pack.id)
        .distinct()
    )
    packs: dict[int, dict[int, PackOfQueryOut]] = defaultdict(dict)
    for some in batches(query_ids):
        for query_id, pack in session.execute(statement.where(ScheduledQuery.query_id.in_(some))):
            packs[query_id].setdefault(pack.id, PackOfQueryOut.model_validate(pack, from_attributes=True))
    return {query_id: list(found.values()) for query_id, found in packs.items()}


def shown(session: Session, listed: Sequence[Listed]) -> list[QueryOut]:
    """The queries as a list shows them; who is gone is called <deleted> there."""
    packs = packs_of(session, [item.query.id for item in listed])
    return [
        present(
            item.query,
            ("<deleted>", "") if item.query.author_id is None else (item.author_name, item.author_email),
            packs.get(item.query.id, []),
        )
        for item in listed
    ]


def present(query: Query, author: tuple[str, str], packs: Sequence[PackOfQueryOut]) -> QueryOut:
    """One query with what is shown beside its own columns."""
    own = {name: getattr(query, name) for name in QueryOut.model_fields if hasattr(query, name)}
    return QueryOut(**own, author_name=author[0], author_email=author[1], packs=packs)
