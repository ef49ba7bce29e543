"""The page that shows every component in every state, for whoever writes pages; mounted by app.py alone."""

from flask.typing import ResponseReturnValue

from fleet.web import doors
from fleet.web.context import anyone
from fleet.web.liststate import list_state
from fleet.web.pages import render

pages = doors.pages("components", __name__)


@pages.get("/_/components", signed_out=True)
def index() -> str:
    """All of them, or with `?dialog=` a dialog."""
    anyone()
    return _page({})


@pages.post("/_/components", signed_out=True, reads=True)
def refuse() -> ResponseReturnValue:
    """A dialog that is never accepted."""
    anyone()
    return _page({"name": ["is taken"], "confirm": ["is not what was asked for"]}), 422


def _page(problems: dict[str, list[str]]) -> str:
    state = list_state("components.index", ("display_name", "status", "issues"), order=("display_name", "asc"))
    return render("components.html", block="dialog", state=state, problems=problems)
