"""The JSON routes of packs, of their entries, and of their specs."""

from sqlalchemy import select

from fleet import clock
from fleet.authz.check import Visible, visible_teams
from fleet.db.listing import Columns, ordered, paged
from fleet.extensions import db
from fleet.packs import entries, service, specs
from fleet.packs.models import Pack, ScheduledQuery
from fleet.packs.schemas import EntryChange, NewEntry, NewPack, PackChange, PackOut, PackSpecs
from fleet.queries.models import Query
from fleet.web import doors
from fleet.web.context import authorize, current_actor
from fleet.web.doors import SINCE_2022, V1, Json
from fleet.web.listing import list_options
from fleet.web.names import decoded
from fleet.web.parsing import MB, parse

api = doors.api("packs", __name__)

SPECS_CAP = 8 * MB

_PACK, _ENTRY = Pack.__table__.c, ScheduledQuery.__table__.c

COLUMNS: Columns = {
    **{name: _PACK[name] for name in ("id", "description", "platform", "disabled", "created_at", "updated_at")},
    "name": _PACK.name_key,
}

ENTRY_COLUMNS: Columns = {
    **{name: _ENTRY[name] for name in (
        "id", "pack_id", "query_id", "description", "interval", "snapshot", "removed", "platform", "version", "shard",
        "denylist", "created_at", "updated_at",
    )},
    "name": _ENTRY.name_key,
    "query_name": Query.__table__.c.name_key,
    "query": Query.__table__.c.query,
}  # fmt: skip


def counted() -> Visible:
    """The hosts that whoever asks would reach with a pack."""
    return visible_teams(current_actor(), observers=False)


def _shown(pack: Pack) -> PackOut:
    return service.present(db.session(), [pack], counted())[0]


@api.get("/packs")
def list_packs() -> Json:
    """All packs."""
    authorize("read", Pack)
    options, session = list_options(), db.session()
    packs = session.scalars(paged(ordered(select(Pack), options, COLUMNS, _PACK.id), options)).all()
    return {"packs": service.present(session, packs, counted())}


@api.post("/packs")
def create_pack() -> Json:
    """Make a pack."""
    authorize("write", Pack)
    new = parse(NewPack)
    pack = service.create(db.session(), new, current_actor())
    as_sent = {
        "created_at": clock.ZERO,
        "updated_at": clock.ZERO,
        "labels": None,
        "hosts": None,
        "teams": None,
        "host_ids": new.host_ids,
        "label_ids": new.label_ids,
        "team_ids": new.team_ids,
    }
    return {"pack": _shown(pack).model_copy(update=as_sent)}


@api.get("/packs/<id:pack_id>")
def get_pack(pack_id: int) -> Json:
    """One pack."""
    authorize("read", Pack)
    return {"pack": _shown(service.get(db.session(), pack_id))}


@api.patch("/packs/<id:pack_id>")
def modify_pack(pack_id: int) -> Json:
    """Change a pack. The answer shows the targets as they were, beside the new ids: clients expect that."""
    authorize("write", Pack)
    session = db.session()
    pack = service.get(session, pack_id)
    before = service.targets_of(session, [pack])[pack.id]
    service.modify(session, pack, parse(PackChange), current_actor())
    old = {"labels": before.labels, "hosts": before.hosts, "teams": before.teams}
    return {"pack": _shown(pack).model_copy(update=old)}


@api.delete("/packs/<name>")
def delete_pack_by_name(name: str) -> Json:
    """Delete the pack of this name."""
    authorize("write", Pack)
    session = db.session()
    service.delete(session, service.by_name(session, decoded(name), "packs"), current_actor())
    return {}


@api.delete("/packs/id/<id:pack_id>")
def delete_pack(pack_id: int) -> Json:
    """Delete a pack."""
    authorize("write", Pack)
    session = db.session()
    service.delete(session, service.get(session, pack_id), current_actor())
    return {}


@api.get("/packs/<id:pack_id>/scheduled")
def list_entries(pack_id: int) -> Json:
    """The entries of a pack; a pack that is not there has none."""
    authorize("read", Pack)
    options = list_options()
    statement = paged(ordered(entries.of_pack(pack_id), options, ENTRY_COLUMNS, _ENTRY.id), options)
    rows = db.session().execute(statement)
    return {"scheduled": [entries.present(entry, query, listed=True) for entry, query in rows]}


@api.post("/schedule", versions=V1)
@api.post("/packs/schedule", versions=SINCE_2022)
def add_entry() -> Json:
    """Schedule a query in a pack."""
    authorize("write", Pack)
    entry, query = entries.add(db.session(), parse(NewEntry))
    return {"scheduled": entries.present(entry, query, listed=True)}


@api.get("/schedule/<id:entry_id>")
def get_entry(entry_id: int) -> Json:
    """One entry of a pack."""
    authorize("read", Pack)
    return {"scheduled": entries.present(*entries.get(db.session(), entry_id))}


@api.patch("/schedule/<id:entry_id>", versions=V1)
@api.patch("/packs/schedule/<id:entry_id>", versions=SINCE_2022)
def modify_entry(entry_id: int) -> Json:
    """Change an entry of a pack."""
    authorize("write", Pack)
    entry, _ = entries.get(db.session(), entry_id)
    query = entries.modify(db.session(), entry, parse(EntryChange))
    return {"scheduled": entries.present(entry, query)}


@api.delete("/schedule/<id:entry_id>", versions=V1)
@api.delete("/packs/schedule/<id:entry_id>", versions=SINCE_2022)
def remove_entry(entry_id: int) -> Json:
    """Take a query out of a pack."""
    authorize("write", Pack)
    entry, _ = entries.get(db.session(), entry_id)
    entries.remove(db.session(), entry)
    return {}


@api.post("/spec/packs", cap=SPECS_CAP)
def apply_pack_specs() -> Json:
    """Make packs as their specs say."""
    authorize("write", Pack)
    specs.apply(db.session(), parse(PackSpecs).specs, current_actor())
    return {}


@api.get("/spec/packs")
def list_pack_specs() -> Json:
    """The specs of all packs."""
    authorize("read", Pack)
    return {"specs": specs.listed(db.session()) or None}


@api.get("/spec/packs/<name>")
def get_pack_spec(name: str) -> Json:
    """The spec of one pack."""
    authorize("read", Pack)
    session = db.session()
    return {"specs": specs.of(session, [service.by_name(session, decoded(name))])[0]}
