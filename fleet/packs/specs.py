"""Packs as people keep them in files: applied as a whole, and given back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import delete as sql_delete
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.activities import service as activities
from fleet.authz.check import Actor
from fleet.db import changes
from fleet.db.portable import batches, unique
from fleet.errors import BadRequest, DuplicateEntry, Invalid
from fleet.labels.models import Label
from fleet.names import fold
from fleet.packs import entries, service
from fleet.packs.models import Pack, PackTarget, ScheduledQuery, TargetType
from fleet.packs.schemas import EntrySpec, EntrySpecOut, PackSpec, PackSpecOut
from fleet.queries.models import Query
from fleet.teams.models import Team

Ids = Mapping[str, int]
"""Ids by the comparable form of the name."""

BAD_INTERVAL = (
    "pack payload verification: pack scheduled query interval must be an integer greater than 1 and less than 604800"
)


def apply(session: Session, specs: Sequence[PackSpec], by: Actor) -> None:
    """Make each pack as its spec says, new or over the one of that name; the last spec of a name wins."""
    for spec in specs:
        service.verify(spec)
        if not all(entries.is_interval(entry.interval) for entry in spec.queries):
            raise BadRequest(BAD_INTERVAL)
    if not specs:
        return
    wanted = {fold(spec.name): spec for spec in specs}
    queries = _ids(session, Query, (entry.query for spec in wanted.values() for entry in spec.queries))
    labels = _ids(session, Label, (name for spec in wanted.values() for name in spec.targets.labels or []))
    teams = _ids(session, Team, (name for spec in wanted.values() for name in spec.targets.teams or []))
    stored: dict[str, Pack] = {}
    for keys in batches(list(wanted)):
        stored |= {pack.name_key: pack for pack in session.scalars(select(Pack).where(Pack.name_key.in_(keys)))}
    for name_key, spec in wanted.items():
        pack = _stored(session, spec, stored.get(name_key) or Pack())
        session.execute(sql_delete(ScheduledQuery).where(ScheduledQuery.pack_id == pack.id))
        session.execute(sql_delete(PackTarget).where(PackTarget.pack_id == pack.id))
        _add_entries(session, pack, spec.queries, queries)
        label_ids = _named("label", spec.targets.labels or [], labels)
        team_ids = _named("team", spec.targets.teams or [], teams)
        service.add_targets(session, pack, TargetType.LABEL, label_ids)
        service.add_targets(session, pack, TargetType.TEAM, team_ids)
    changes.announce(session, changes.CONFIG)
    activities.record(session, by, "applied_spec_pack", {})


def _stored(session: Session, spec: PackSpec, pack: Pack) -> Pack:
    with unique(session, lambda: DuplicateEntry.of(spec.name, service.UNIQUE_NAME)):
        pack.name, pack.name_key = spec.name, fold(spec.name)
        pack.description, pack.platform, pack.disabled = spec.description, spec.platform, spec.disabled
        pack.updated_at = clock.now()
        session.add(pack)
    return pack


def _ids(session: Session, kind: type[Query] | type[Label] | type[Team], names: Iterable[str]) -> dict[str, int]:
    keys = sorted({fold(name) for name in names})
    found: dict[str, int] = {}
    for some in batches(keys):
        statement = select(kind.name_key, kind.id).where(kind.name_key.in_(some))
        if kind is Query:
            statement = statement.where(Query.saved, Query.team_key == 0)
        found |= dict(session.execute(statement).all())
    return found


def _named(kind: str, names: Sequence[str], ids: Ids) -> list[int]:
    for name in names:
        if fold(name) not in ids:
            raise Invalid(f"Error 1048 (23000): Column 'target_id' cannot be null: {kind} '{name}' does not exist")
    return [ids[fold(name)] for name in names]


def _add_entries(session: Session, pack: Pack, specs: Sequence[EntrySpec], queries: Ids) -> None:
    rows, taken = [], set()
    for spec in specs:
        query_id = queries.get(fold(spec.query))
        if query_id is None:
            raise Invalid(f"cannot schedule unknown query '{spec.query}'", name="query")
        name = spec.name or spec.query
        if fold(name) in taken:
            raise DuplicateEntry.of(f"{name}-{pack.id}", entries.UNIQUE_NAME)
        taken.add(fold(name))
        own = spec.model_dump(exclude={"query", "name"})
        rows.append({"pack_id": pack.id, "query_id": query_id, "name": name, "name_key": fold(name), **own})
    if rows:
        session.execute(insert(ScheduledQuery), rows)


def of(session: Session, packs: Sequence[Pack]) -> list[PackSpecOut]:
    """The specs of these packs, in three statements for all. Hosts stand in no spec."""
    aims = service.targets_of(session, packs)
    queries: dict[int, list[EntrySpecOut]] = defaultdict(list)
    statement = select(ScheduledQuery, Query.name).join(Query).order_by(ScheduledQuery.id)
    for some in batches([pack.id for pack in packs]):
        for entry, query in session.execute(statement.where(ScheduledQuery.pack_id.in_(some))):
            own = {name: getattr(entry, name) for name in EntrySpecOut.model_fields if name != "query"}
            queries[entry.pack_id].append(EntrySpecOut(query=query, **own))
    return [
        PackSpecOut.of(
            pack,
            [aim.display_text for aim in aims[pack.id].labels if aim.display_text],
            [aim.display_text for aim in aims[pack.id].teams if aim.display_text],
            queries[pack.id],
        )
        for pack in packs
    ]


def listed(session: Session) -> list[PackSpecOut]:
    """The specs of all packs."""
    return of(session, session.scalars(select(Pack).order_by(Pack.id)).all())
