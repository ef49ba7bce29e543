"""The pages of labels: the list, and one label to read."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from fleet.authz.check import visible_teams
from fleet.extensions import db
from fleet.hosts.platforms import readable
from fleet.labels import service as labels
from fleet.labels.models import Label
from fleet.web import doors
from fleet.web.context import authorize, current_actor
from fleet.web.liststate import list_state
from fleet.web.pages import go_to, own_path, render

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
    rows = labels.counted(db.session(), to, state.options, search=True)
    return render("labels/list.html", block="results", state=state, total=total, rows=rows, readable=readable)


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
        platform=readable(label.platform),
        hostnames=labels.hostnames_of(db.session(), [label], to, LISTED).get(label_id, []),
        back=own_path(request.args.get("back"), url_for("labels.index")),
    )


@pages.get("/labels")
def short() -> ResponseReturnValue:
    """The short address leads to the list."""
    authorize("read", Label)
    return go_to("labels.index")
