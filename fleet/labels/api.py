"""The JSON routes of labels."""

from flask import request

from fleet import clock
from fleet.authz.check import visible_teams
from fleet.extensions import db
from fleet.hosts import filtering, listing
from fleet.hosts.presenting import items
from fleet.labels import service as labels
from fleet.labels.models import Label
from fleet.labels.schemas import LabelChange, LabelSpecs, NewLabel, label_out, spec_out, summary_out
from fleet.web import doors
from fleet.web.context import authorize, current_actor
from fleet.web.doors import Json
from fleet.web.listing import list_options
from fleet.web.names import decoded
from fleet.web.parsing import MB, parse

api = doors.api("labels", __name__)

SPECS_CAP = 16 * MB


@api.get("/labels")
def list_labels() -> Json:
    """All labels, each with how many of its hosts whoever asks sees."""
    authorize("read", Label)
    found = labels.counted(db.session(), visible_teams(current_actor()), list_options())
    return {"labels": [label_out(label, count) for label, count in found]}


@api.get("/labels/summary")
def summarize_labels() -> Json:
    """All labels, short."""
    authorize("read", Label)
    return {"labels": [summary_out(label) for label in labels.every(db.session())]}


@api.get("/labels/<id:label_id>")
def get_label(label_id: int) -> Json:
    """One label."""
    authorize("read", Label)
    label = labels.get(db.session(), label_id)
    return {"label": label_out(label, labels.host_count(db.session(), label, visible_teams(current_actor())))}


@api.get("/labels/<id:label_id>/hosts")
def list_hosts_of_label(label_id: int) -> Json:
    """The hosts of a label; a label that is not there has none."""
    authorize("read", Label)
    wanted = filtering.read({**request.args.to_dict(), "label_id": str(label_id)})
    rows = listing.page(db.session(), wanted, visible_teams(current_actor()), list_options())
    return {"hosts": items(db.session(), rows)}


@api.post("/labels")
def create_label() -> Json:
    """Make a label."""
    authorize("write", Label)
    label = labels.create(db.session(), parse(NewLabel))
    return {"label": label_out(label, 0) | {"created_at": clock.ZERO, "updated_at": clock.ZERO}}


@api.patch("/labels/<id:label_id>")
def modify_label(label_id: int) -> Json:
    """Rename or redescribe a label."""
    authorize("write", Label)
    change = parse(LabelChange)
    label = labels.get(db.session(), label_id)
    labels.modify(db.session(), label, change)
    return {"label": label_out(label, labels.host_count(db.session(), label, visible_teams(current_actor())))}


@api.delete("/labels/<name>")
def delete_label_by_name(name: str) -> Json:
    """Delete the label of this name."""
    authorize("write", Label)
    labels.remove(db.session(), labels.by_name(db.session(), decoded(name)))
    return {}


@api.delete("/labels/id/<id:label_id>")
def delete_label(label_id: int) -> Json:
    """Delete a label."""
    authorize("write", Label)
    labels.remove(db.session(), labels.get(db.session(), label_id))
    return {}


@api.get("/spec/labels")
def list_label_specs() -> Json:
    """The specs of all labels."""
    authorize("read", Label)
    to = visible_teams(current_actor())
    found = labels.every(db.session())
    hosts = labels.hostnames_of(db.session(), found, to)
    return {"specs": [spec_out(label, hosts.get(label.id, [])) for label in found]}


@api.get("/spec/labels/<name>")
def get_label_spec(name: str) -> Json:
    """The spec of one label."""
    authorize("read", Label)
    label = labels.by_name(db.session(), decoded(name))
    hosts = labels.hostnames_of(db.session(), [label], visible_teams(current_actor()))
    return {"specs": spec_out(label, hosts.get(label.id, []))}


@api.post("/spec/labels", cap=SPECS_CAP)
def apply_label_specs() -> Json:
    """Make labels as their specs say, all or none."""
    authorize("write", Label)
    labels.apply(db.session(), parse(LabelSpecs).specs)
    return {}
