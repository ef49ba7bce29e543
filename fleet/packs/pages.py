"""The pages of packs: the list, the form with what it is aimed at, and the dialogs of its entries."""

from typing import Any

from flask import request
from sqlalchemy import func, select
from werkzeug.wrappers import Response as AnyResponse

from fleet.db.listing import ordered, paged
from fleet.db.portable import contains
from fleet.errors import BadRequest, DuplicateEntry, FleetError, Invalid
from fleet.extensions import db
from fleet.packs import entries, entry_pages, forms, reach, service
from fleet.packs.api import COLUMNS
from fleet.packs.models import Pack, ScheduledQuery
from fleet.packs.schemas import PackChange
from fleet.queries.forms import every
from fleet.queries.schema_pages import PLATFORM_NAMES
from fleet.shapes import digits
from fleet.web import doors
from fleet.web.context import authorize, current_actor
from fleet.web.liststate import list_state
from fleet.web.pages import done, go_to, is_htmx, problems_by_field, render

pages = doors.pages("packs", __name__)
pages.register_blueprint(entry_pages.pages)

SORTABLE = ("name", "disabled", "updated_at")


@pages.get("/packs/manage")
def index() -> str:
    """All packs."""
    authorize("read", Pack)
    session = db.session()
    state = list_state("packs.index", SORTABLE, order=("name", "asc"))
    matching = select(Pack)
    if state.match:
        matching = matching.where(contains(Pack.__table__.c.name, state.match))
    total = session.scalar(select(func.count()).select_from(matching.subquery())) or 0
    state = state.within(total)
    statement = paged(ordered(matching, state.options, COLUMNS, Pack.__table__.c.id), state.options)
    packs = session.scalars(statement).all()
    ids = [pack.id for pack in packs]
    return render(
        "packs/list.html",
        block="results",
        state=state,
        total=total,
        packs=packs,
        pack_kind=Pack,
        query_counts=service.query_counts(session, packs),
        host_counts=reach.host_counts(session, ids),
    )


def _form(values: forms.Values, pack: Pack | None, *, match: str = "", **shown: Any) -> str:
    session = db.session()
    rows = session.execute(entries.of_pack(pack.id).order_by(ScheduledQuery.id)).all() if pack else []
    return render(
        "packs/form.html",
        block="results",
        values=values,
        pack=pack,
        entries=[{"entry": entry, "query": query, "every": every(entry.interval)} for entry, query in rows],
        platform_names=PLATFORM_NAMES,
        field_labels=forms.PACK_LABELS,
        **_aimed(values, pack, match),
        **{"problems": {}} | shown,
    )


def _aimed(values: forms.Values, pack: Pack | None, match: str) -> dict[str, Any]:
    """What the part of the form shows that says whom the pack reaches."""
    session, aim = db.session(), forms.aim(values)
    disabled = pack is not None and pack.disabled
    return {
        "choices": reach.choices(session, aim, match),
        "host_match": match,
        "disabled": disabled,
        "reached": reach.count(session, aim, disabled=disabled),
        "reached_enabled": reach.count(session, aim) if disabled else None,
    }


def _refused(refused: FleetError, values: forms.Values, pack: Pack | None) -> tuple[str, int]:
    problems = problems_by_field(refused)
    if isinstance(refused, DuplicateEntry):
        problems = {"name": [f"There is a pack of the name {values['name']} already"]}
    return _form(values, pack, problems=problems), refused.status if refused.status == 409 else 422


@pages.get("/packs/new")
def new() -> str:
    """The form of a pack that is not there yet."""
    authorize("write", Pack)
    return _form(forms.pack_values("", "", service.Targets()), None)


@pages.post("/packs/new")
def create() -> str | AnyResponse | tuple[str, int]:
    """Make a pack, or look for hosts to aim it at."""
    authorize("write", Pack)
    values = forms.typed_pack(request.form)
    if request.form.get("action") == "find":
        return _form(values, None, match=forms.host_match(request.form))
    try:
        pack = service.create(db.session(), forms.read_pack(values), current_actor())
    except (Invalid, BadRequest, DuplicateEntry) as refused:
        return _refused(refused, values, None)
    return go_to("packs.show", "Pack created. Add the queries that its hosts run.", pack_id=pack.id)


@pages.get("/packs/<id:pack_id>")
def show(pack_id: int) -> str:
    """A pack: what it is aimed at, and its entries."""
    authorize("read", Pack)
    pack = service.get(db.session(), pack_id)
    aim = service.targets_of(db.session(), [pack])[pack.id]
    return _form(forms.pack_values(pack.name, pack.description, aim), pack)


@pages.get("/packs/<id:pack_id>/edit")
def edit(pack_id: int) -> AnyResponse:
    """The page of a pack is its form."""
    authorize("read", Pack)
    return go_to("packs.show", pack_id=pack_id)


@pages.post("/packs/<id:pack_id>")
def save(pack_id: int) -> str | AnyResponse | tuple[str, int]:
    """Change a pack, or look for hosts to aim it at."""
    authorize("write", Pack)
    session = db.session()
    pack = service.get(session, pack_id)
    values = forms.typed_pack(request.form)
    if request.form.get("action") == "find":
        return _form(values, pack, match=forms.host_match(request.form))
    try:
        service.modify(session, pack, forms.read_pack_change(values), current_actor())
    except (Invalid, BadRequest, DuplicateEntry) as refused:
        return _refused(refused, values, pack)
    return go_to("packs.show", "Pack saved", pack_id=pack_id)


@pages.post("/_/packs/targets", reads=True)
def targets() -> str | AnyResponse:
    """The choices of the form again, for what is ticked and looked for now."""
    authorize("write", Pack)
    if not is_htmx():
        return go_to("packs.index")
    pack_id = digits(request.form.get("pack_id", ""))
    pack = service.get(db.session(), pack_id) if pack_id else None
    values, match = forms.typed_pack(request.form), forms.host_match(request.form)
    return render("packs/targets.html", values=values, **_aimed(values, pack, match))


@pages.post("/packs/<id:pack_id>/state")
def state(pack_id: int) -> AnyResponse:
    """Switch a pack on or off."""
    authorize("write", Pack)
    disabled = request.form.get("disabled") == "true"
    pack = service.get(db.session(), pack_id)
    service.modify(db.session(), pack, PackChange(disabled=disabled), current_actor())
    said = f"{pack.name} is {'disabled' if disabled else 'enabled'}"
    if request.form.get("origin") == "pack":
        return go_to("packs.show", said, pack_id=pack_id)
    return done(said, "packs.index")


@pages.get("/packs/<id:pack_id>/delete")
def delete(pack_id: int) -> str:
    """Asks before a pack is deleted."""
    authorize("write", Pack)
    session = db.session()
    pack = service.get(session, pack_id)
    count = service.query_counts(session, [pack]).get(pack_id, 0)
    hosts = reach.host_counts(session, [pack_id]).get(pack_id, 0)
    return render(
        "packs/delete.html", pack=pack, entry_count=count, host_count=hosts, origin=request.args.get("origin")
    )


@pages.post("/packs/<id:pack_id>/delete")
def remove(pack_id: int) -> AnyResponse:
    """Delete a pack."""
    authorize("write", Pack)
    service.delete(db.session(), service.get(db.session(), pack_id), current_actor())
    if request.form.get("origin") == "pack":
        return go_to("packs.index", "Pack deleted")
    return done("Pack deleted", "packs.index")
