"""What can be done with packs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, func, insert, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.orm import Session

from fleet.activities import service as activities
from fleet.authz.check import Actor, Visible
from fleet.db import changes
from fleet.db.portable import batches, unique
from fleet.errors import BadRequest, DuplicateEntry, NotFound
from fleet.hosts.models import Host
from fleet.labels.models import Label
from fleet.names import fold, is_blank
from fleet.packs.models import Pack, PackTarget, ScheduledQuery, TargetType
from fleet.packs.schemas import NewPack, PackChange, PackOut, PackSpec, TargetOut
from fleet.targets import service as targets
from fleet.teams.models import Team

UNIQUE_NAME = "idx_pack_unique_name"
IDS = {"label_ids": TargetType.LABEL, "host_ids": TargetType.HOST, "team_ids": TargetType.TEAM}


def get(session: Session, pack_id: int) -> Pack:
    """The pack with this id, or `NotFound`."""
    pack = session.get(Pack, pack_id)
    if pack is None:
        raise NotFound.of("Pack", pack_id)
    return pack


def by_name(session: Session, name: str, kind: str = "Pack") -> Pack:
    """The pack that has this name, or `NotFound`."""
    pack = session.scalar(select(Pack).where(Pack.name_key == fold(name)))
    if pack is None:
        raise NotFound.of(kind, name)
    return pack


def verify(new: NewPack | PackChange | PackSpec) -> None:
    """Refuse a pack without a name, in the words that clients know."""
    if new.name is not None and is_blank(new.name):
        raise BadRequest("pack payload verification: pack name cannot be empty")


def create(session: Session, new: NewPack, by: Actor) -> Pack:
    """Make a pack; it reaches its hosts with their next config."""
    verify(new)
    pack = Pack(name_key=fold(new.name), **new.model_dump(exclude=set(IDS)))
    with unique(session, lambda: DuplicateEntry.of(new.name, UNIQUE_NAME)):
        session.add(pack)
    for name, kind in IDS.items():
        add_targets(session, pack, kind, getattr(new, name) or [])
    _changed(session, pack, "created_pack", by)
    return pack


def modify(session: Session, pack: Pack, change: PackChange, by: Actor) -> None:
    """Change what the change names; each list of ids replaces that list."""
    verify(change)
    given = change.model_dump(exclude_unset=True)
    ids = {name: given.pop(name) for name in IDS if name in given}
    with unique(session, lambda: DuplicateEntry.of(change.name, UNIQUE_NAME)):
        for name, value in given.items():
            setattr(pack, name, value)
        pack.name_key = fold(pack.name)
    for name, wanted in ids.items():
        session.execute(sql_delete(PackTarget).where(PackTarget.pack_id == pack.id, PackTarget.type == IDS[name]))
        add_targets(session, pack, IDS[name], wanted)
    _changed(session, pack, "edited_pack", by)


def delete(session: Session, pack: Pack, by: Actor) -> None:
    """Delete a pack with its entries; the queries stay."""
    activities.record(session, by, "deleted_pack", {"pack_name": pack.name})
    session.delete(pack)
    session.flush()
    changes.announce(session, changes.CONFIG)


def _changed(session: Session, pack: Pack, activity: str, by: Actor) -> None:
    changes.announce(session, changes.CONFIG)
    activities.record(session, by, activity, {"pack_id": pack.id, "pack_name": pack.name})


def add_targets(session: Session, pack: Pack, kind: TargetType, ids: Sequence[int]) -> None:
    """Aim a pack at these labels, hosts or teams; an id that is given twice is refused."""
    if not ids:
        return
    pack_id = pack.id
    twice = Counter(ids).most_common(1)[0][0]
    with unique(session, lambda: DuplicateEntry.of(f"{pack_id}-{twice}-{int(kind)}", "constraint_pack_target_unique")):
        rows = [{"pack_id": pack_id, "type": int(kind), "target_id": one} for one in ids]
        session.execute(insert(PackTarget), rows)


@dataclass(frozen=True, slots=True)
class Targets:
    """What a pack is aimed at."""

    labels: list[TargetOut] = field(default_factory=list)
    hosts: list[TargetOut] = field(default_factory=list)
    teams: list[TargetOut] = field(default_factory=list)

    @property
    def selection(self) -> targets.Selection:
        """The same as ids."""
        return targets.Selection(
            host_ids=tuple(one.id for one in self.hosts),
            label_ids=tuple(one.id for one in self.labels),
            team_ids=tuple(one.id for one in self.teams),
        )


def targets_of(session: Session, packs: Iterable[Pack]) -> dict[int, Targets]:
    """What each of these packs is aimed at, with the names of it, in one statement for all."""
    aims = (
        select(PackTarget, func.coalesce(Label.name, Host.hostname, Team.name, ""))
        .outerjoin(Label, and_(PackTarget.type == TargetType.LABEL, Label.id == PackTarget.target_id))
        .outerjoin(Host, and_(PackTarget.type == TargetType.HOST, Host.id == PackTarget.target_id))
        .outerjoin(Team, and_(PackTarget.type == TargetType.TEAM, Team.id == PackTarget.target_id))
        .order_by(PackTarget.id)
    )
    found: dict[int, Targets] = defaultdict(Targets)
    for some in batches([pack.id for pack in packs]):
        for aim, text in session.execute(aims.where(PackTarget.pack_id.in_(some))):
            own = found[aim.pack_id]
            if aim.type == TargetType.LABEL:
                own.labels.append(TargetOut(type="label", id=aim.target_id, display_text=text))
            elif aim.type == TargetType.HOST:
                own.hosts.append(TargetOut(type="host", id=aim.target_id, display_text=text))
            else:
                own.teams.append(TargetOut(type="team", id=aim.target_id, display_text=text))
    return found


def query_counts(session: Session, packs: Iterable[Pack]) -> dict[int, int]:
    """How many entries each of these packs has."""
    counts = select(ScheduledQuery.pack_id, func.count()).group_by(ScheduledQuery.pack_id)
    found: dict[int, int] = {}
    for some in batches([pack.id for pack in packs]):
        found |= dict(session.execute(counts.where(ScheduledQuery.pack_id.in_(some))).all())
    return found


def present(session: Session, packs: Sequence[Pack], visible: Visible) -> list[PackOut]:
    """Packs as they are shown, with what they are aimed at and how many of the hosts that somebody sees that are."""
    aims = targets_of(session, packs)
    entries = query_counts(session, packs)
    hosts = targets.totals(session, [aims[pack.id].selection for pack in packs], visible)
    return [
        PackOut(
            **{name: getattr(pack, name) for name in PackOut.model_fields if hasattr(pack, name)},
            labels=(aim := aims[pack.id]).labels,
            hosts=aim.hosts,
            teams=aim.teams,
            query_count=entries.get(pack.id, 0),
            total_hosts_count=hosts[aim.selection],
            host_ids=aim.selection.host_ids,
            label_ids=aim.selection.label_ids,
            team_ids=aim.selection.team_ids,
        )
        for pack in packs
    ]
