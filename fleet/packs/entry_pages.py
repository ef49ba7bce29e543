"""The dialogs in which queries are put into a pack, changed there, and taken out."""

from typing import Any

from flask import request
from sqlalchemy import select
from werkzeug.wrappers import Response as AnyResponse

from fleet.errors import DuplicateEntry, FleetError, Invalid, NotFound
from fleet.extensions import db
from fleet.packs import entries, forms, service
from fleet.packs.models import Pack
from fleet.queries.forms import FREQUENCIES, LOGGING_NAMES
from fleet.queries.models import Query
from fleet.queries.schema_pages import PLATFORM_NAMES
from fleet.web import doors
from fleet.web.context import authorize
from fleet.web.pages import done, problems_by_field, render

pages = doors.pages("entries", __name__)


def _dialog(pack: Pack, values: forms.Values, entry_id: int | None = None, **shown: Any) -> str:
    queries = db.session().execute(
        select(Query.id, Query.name).where(Query.team_key == 0, Query.saved).order_by(Query.name_key)
    )
    return render(
        "packs/entry.html",
        block="dialog",
        pack=pack,
        entry_id=entry_id,
        values=values,
        queries=[(query_id, name) for query_id, name in queries],
        frequencies=FREQUENCIES,
        loggings=LOGGING_NAMES,
        platform_names=PLATFORM_NAMES,
        labels=forms.ENTRY_LABELS,
        **{"problems": {}} | shown,
    )


def _entry(pack_id: int, entry_id: int) -> entries.Entry:
    entry, query = entries.get(db.session(), entry_id)
    if entry.pack_id != pack_id:
        raise NotFound.of("ScheduledQuery", entry_id)
    return entry, query


def _refused(refused: FleetError, pack: Pack, values: forms.Values, entry_id: int | None = None) -> tuple[str, int]:
    if isinstance(refused, NotFound):
        refused = Invalid("that query is not there any more: choose another", name="query_id")
    return _dialog(pack, values, entry_id, problems=problems_by_field(refused)), 422


@pages.get("/packs/<id:pack_id>/queries/new")
def new(pack_id: int) -> str:
    """The dialog of an entry that is not there yet."""
    authorize("write", Pack)
    return _dialog(service.get(db.session(), pack_id), dict(forms.NEW_ENTRY))


@pages.post("/packs/<id:pack_id>/queries/new")
def create(pack_id: int) -> AnyResponse | tuple[str, int]:
    """Put a query into a pack."""
    authorize("write", Pack)
    session = db.session()
    pack, values = service.get(session, pack_id), forms.typed_entry(request.form)
    try:
        entries.add(session, forms.read_entry(values, pack_id))
    except (Invalid, NotFound, DuplicateEntry) as refused:
        return _refused(refused, pack, values)
    return done("Query added", "packs.show", pack_id=pack_id)


@pages.get("/packs/<id:pack_id>/queries/<id:entry_id>")
def show(pack_id: int, entry_id: int) -> str:
    """The dialog of an entry."""
    authorize("write", Pack)
    entry, _ = _entry(pack_id, entry_id)
    return _dialog(service.get(db.session(), pack_id), forms.entry_values(entry), entry_id)


@pages.post("/packs/<id:pack_id>/queries/<id:entry_id>")
def save(pack_id: int, entry_id: int) -> AnyResponse | tuple[str, int]:
    """Change an entry."""
    authorize("write", Pack)
    session = db.session()
    entry, _ = _entry(pack_id, entry_id)
    values = forms.typed_entry(request.form)
    try:
        entries.modify(session, entry, forms.read_entry_change(values, pack_id))
    except (Invalid, NotFound, DuplicateEntry) as refused:
        return _refused(refused, service.get(session, pack_id), values, entry_id)
    return done("Query changed", "packs.show", pack_id=pack_id)


@pages.get("/packs/<id:pack_id>/queries/<id:entry_id>/delete")
def delete(pack_id: int, entry_id: int) -> str:
    """Asks before a query is taken out of a pack."""
    authorize("write", Pack)
    entry, query = _entry(pack_id, entry_id)
    return render("packs/remove_entry.html", pack=service.get(db.session(), pack_id), entry=entry, query=query)


@pages.post("/packs/<id:pack_id>/queries/<id:entry_id>/delete")
def remove(pack_id: int, entry_id: int) -> AnyResponse:
    """Take a query out of a pack."""
    authorize("write", Pack)
    entry, _ = _entry(pack_id, entry_id)
    entries.remove(db.session(), entry)
    return done("Query removed", "packs.show", pack_id=pack_id)
