"""The pages of labels: the list, one label to read, its forms, and what is asked before deleting."""

from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from fleet import schema
from fleet.authz.check import can, visible_teams
from fleet.errors import DuplicateEntry, FleetError, Invalid
from fleet.extensions import db
from fleet.labels import forms
from fleet.labels import service as labels
from fleet.labels.models import Label, LabelType, MembershipType
from fleet.packs.models import Pack
from fleet.queries import schema_pages
from fleet.web import doors
from fleet.web.conflicts import stamp
from fleet.web.context import authorize, current_actor
from fleet.web.liststate import list_state
from fleet.web.pages import done, go_to, go_to_url, own_path, problems_by_field, render

pages = doors.pages("labels", __name__)

LISTED = 200
"""Hosts of a manual label that its page lists; the list of hosts has them all."""

SORTABLE = ("name", "platform", "label_type", "updated_at")


@pages.get("/labels/manage")
def index() -> ResponseReturnValue:
    """All labels, with the hosts of each that whoever asks sees."""
    authorize("read", Label)
    state = list_state("labels.index", SORTABLE, order=("name", "asc"))
    to = visible_teams(current_actor())
    total = labels.how_many(db.session(), state.match)
    state = state.within(total)
    return render(
        "labels/list.html",
        block="results",
        state=state,
        total=total,
        rows=labels.counted(db.session(), to, state.options, search=True),
        platform_name=forms.platform_name,
        may_write=can(current_actor(), "write", Label),
        only_builtin=not state.match and not labels.any_own(db.session()),
    )


@pages.get("/labels/<id:label_id>")
def show(label_id: int) -> ResponseReturnValue:
    """What a label means, and how many hosts are in it."""
    authorize("read", Label)
    to = visible_teams(current_actor())
    label = labels.get(db.session(), label_id)
    return render(
        "labels/show.html",
        label=label,
        count=labels.host_count(db.session(), label, to),
        platform=forms.platform_name(label.platform),
        hostnames=labels.hostnames_of(db.session(), [label], to, LISTED).get(label_id, []),
        may_write=can(current_actor(), "write", Label),
        back=_back(),
    )


@pages.get("/labels")
def short() -> ResponseReturnValue:
    """The short address leads to the list."""
    authorize("read", Label)
    return go_to("labels.index")


def _back() -> str:
    """The list that somebody came from."""
    return own_path(request.args.get("back"), url_for("labels.index"))


def _form(values: forms.Values, label: Label | None, **shown: Any) -> str:
    more: dict[str, Any] = {}
    if label is None:
        sql, match = values["query"], request.args.get("table_query", "")[:255]
        check = schema.check(sql)
        asked = request.args.get("table", "") or ("" if match else next(iter(check.tables), ""))
        said = not sql.strip() or "query" in shown.get("problems", {})
        more = {"check": None if said else check, **schema_pages.panel(match, asked)}
    return render(
        "labels/form.html",
        values=values,
        label=label,
        field_labels=forms.FIELDS,
        choices=forms.choices(values["platform"]),
        platform=forms.platform_name(values["platform"]),
        back=_back(),
        **more,
        **{"problems": {}, "differences": [], "opened": stamp(label.updated_at) if label else ""} | shown,
    )


def _refused(refused: FleetError, values: forms.Values, label: Label | None, **shown: Any) -> tuple[str, int]:
    problems = problems_by_field(refused)
    if isinstance(refused, DuplicateEntry):
        problems = {"name": [f"There is a label of the name {values['name']} already"]}
    return _form(values, label, problems=problems, **shown), refused.status if refused.status == 409 else 422


@pages.get("/labels/new")
def new() -> ResponseReturnValue:
    """The form of a label that is not there yet."""
    authorize("write", Label)
    return _form(dict(forms.NEW), None)


@pages.get("/labels/<id:label_id>/duplicate")
def duplicate(label_id: int) -> ResponseReturnValue:
    """The same, begun as a label that is there."""
    authorize("write", Label)
    label = labels.get(db.session(), label_id)
    if label.label_membership_type == MembershipType.MANUAL:
        return go_to("labels.show", label_id=label_id)
    return _form(forms.copy_of(label), None)


@pages.post("/labels/new")
def create() -> ResponseReturnValue:
    """Make a label."""
    authorize("write", Label)
    values = forms.typed(request.form)
    try:
        label = labels.create(db.session(), forms.read(values))
    except (Invalid, DuplicateEntry) as refused:
        return _refused(refused, values, None)
    return go_to("labels.show", "Label created. Hosts join it as they answer its SQL.", label_id=label.id)


@pages.get("/labels/<id:label_id>/edit")
def edit(label_id: int) -> ResponseReturnValue:
    """The form of a label; the page of a built-in one says why it has none."""
    authorize("write", Label)
    label = labels.get(db.session(), label_id)
    if label.label_type == LabelType.BUILTIN:
        return go_to("labels.show", label_id=label_id)
    return _form(forms.values_of(label), label)


@pages.post("/labels/<id:label_id>/edit")
def save(label_id: int) -> ResponseReturnValue:
    """Rename or redescribe a label."""
    authorize("write", Label)
    label = labels.held(db.session(), label_id)
    labels.refuse_builtin(label)
    values = forms.typed(request.form, label)
    opened = request.form.get("updated_at", "")  # a refused form still changes the version that it was opened with
    try:
        change = forms.read_change(values)
        if opened != stamp(label.updated_at):
            return _form(values, label, differences=forms.differences(label, values), conflict=True), 409
        labels.modify(db.session(), label, change)
    except (Invalid, DuplicateEntry) as refused:
        return _refused(refused, values, label, opened=opened)
    return go_to("labels.show", "Label saved", label_id=label_id, back=request.args.get("back") or None)


@pages.get("/labels/<id:label_id>/delete")
def delete(label_id: int) -> ResponseReturnValue:
    """Asks before a label is deleted."""
    authorize("write", Label)
    session, actor = db.session(), current_actor()
    label = labels.get(session, label_id)
    if label.label_type == LabelType.BUILTIN:
        return go_to("labels.show", label_id=label_id)
    back = request.args.get("back")
    return render(
        "labels/delete.html",
        label=label,
        count=labels.host_count(session, label, visible_teams(actor)),
        packs=labels.packs_aimed_at(session, label) if can(actor, "read", Pack) else [],
        back=back,
        close=url_for("labels.show", label_id=label_id, back=back) if back else url_for("labels.index"),
    )


@pages.post("/labels/<id:label_id>/delete")
def remove(label_id: int) -> ResponseReturnValue:
    """Delete a label."""
    authorize("write", Label)
    label = labels.get(db.session(), label_id)
    labels.remove(db.session(), label)
    back = request.form.get("back")
    if back:
        return go_to_url(own_path(back, url_for("labels.index")), "Label deleted")
    return done("Label deleted", "labels.index")
