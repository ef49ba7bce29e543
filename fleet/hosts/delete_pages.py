"""The dialog that deletes hosts: those that were ticked, or all that match the filters of a list."""

from dataclasses import dataclass, replace

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from werkzeug.datastructures import MultiDict

from fleet import clock
from fleet.authz.check import visible_teams
from fleet.db.portable import batches
from fleet.errors import BadRequest, Invalid, NotFound
from fleet.extensions import db
from fleet.hosts import filtering, lifecycle, listing, status
from fleet.hosts.api import authorize_each
from fleet.hosts.door import pages
from fleet.hosts.listing import Filter
from fleet.hosts.models import Host
from fleet.hosts.summary import summarize
from fleet.shapes import digits
from fleet.web.context import authorize, current_actor
from fleet.web.pages import done, go_to, own_path, problems_by_field, render

NAMED = 5
"""Hosts that the dialog names."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Hosts that somebody chose, with the team of each, and how many there were when they were shown."""

    teams: dict[int, int | None]
    shown: int | None
    fields: list[tuple[str, str]]
    wanted: Filter | None = None  # all that match it

    @property
    def count(self) -> int:
        """How many there are now."""
        return len(self.teams)

    @property
    def everything(self) -> bool:
        """Whether they were chosen by what they are, and not one by one."""
        return self.wanted is not None


def _selected(given: MultiDict[str, str]) -> Selection:
    """The hosts that a form names, each of which whoever asks may delete."""
    wanted = None
    if given.get("all") == "true":
        filters = {name: given[name] for name in filtering.CHECKS if given.get(name)}
        wanted = filtering.read_page(filters)
        teams = listing.selected(db.session(), wanted, visible_teams(current_actor()))
        fields = [("all", "true"), *filters.items()]
    else:
        ids = sorted({_id(text) for text in given.getlist("id")})
        if not ids:
            raise Invalid("choose the hosts to delete first", name="id")
        teams = listing.teams_of(db.session(), ids)
        fields = [("id", str(host_id)) for host_id in teams]
    authorize_each("write", teams.values())
    if not teams:
        raise NotFound("these hosts are not there any more")
    return Selection(teams, digits(given.get("shown", "")), fields, wanted)


def _id(text: str) -> int:
    number = digits(text)
    if number is None:
        raise BadRequest("id must be a number", name="id")
    return number


@pages.get("/hosts/delete")
def delete() -> ResponseReturnValue:
    """Ask before deleting."""
    authorize("list", Host)
    return _dialog(_selected(request.args))


@pages.post("/hosts/delete")
def delete_chosen() -> ResponseReturnValue:
    """Delete them, if they are still as many as were shown."""
    authorize("list", Host)
    selection = _selected(request.form)
    if selection.shown != selection.count:
        changed = Invalid(f"There are {selection.count:,} such hosts now. Look again before you delete them.")
        return _dialog(selection, changed), 409
    if selection.everything and request.form.get("confirm", "").replace(",", "").strip() != str(selection.count):
        return _dialog(selection, Invalid("Type the number of hosts.", name="confirm")), 422
    names = _names(selection, 1)
    lifecycle.delete(db.session(), list(selection.teams))
    what = names[0] if selection.count == 1 else f"{selection.count:,} hosts"
    if request.form.get("origin") == "host":
        return go_to("hosts.index", f"{what} deleted.")
    return done(f"{what} deleted.", "hosts.index")


def _names(selection: Selection, most: int) -> list[str]:
    some = list(selection.teams)[:most]
    rows = db.session().execute(select(Host.display_name, Host.hostname, Host.id).where(Host.id.in_(some)))
    return [row.display_name or row.hostname or f"Host {row.id}" for row in rows]


def _online(selection: Selection) -> int:
    if selection.wanted is not None:
        return summarize(db.session(), selection.wanted, visible_teams(current_actor())).online
    counting = select(func.count()).select_from(status.JOINED).where(status.online(clock.now()))
    each = (counting.where(Host.id.in_(some)) for some in batches(list(selection.teams)))
    return sum(db.session().scalar(statement) or 0 for statement in each)


def _dialog(selection: Selection, refused: Invalid | None = None) -> str:
    origin = request.values.get("origin", "")
    back = url_for("hosts.index")
    if origin == "host" and selection.count == 1:
        back = url_for("hosts.show", host_id=next(iter(selection.teams)))
    return render(
        "hosts/delete.html",
        block="dialog",
        selection=replace(selection, shown=selection.count),
        names=_names(selection, NAMED),
        online=_online(selection),
        origin=origin if origin == "host" else "",
        back=own_path(request.values.get("back"), back),
        problems=problems_by_field(refused) if refused else {},
    )
