"""The list of hosts as its address describes it: filters, order, page and columns."""

from dataclasses import dataclass, replace
from typing import Any

from flask import request, url_for

from fleet.hosts import columns, filtering
from fleet.hosts.listing import Filter
from fleet.web.liststate import ListState, sought

PER_PAGE = 50
ORDER = ("display_name", "asc")
COOKIE = "host_columns"
ADD = "add_hosts"
"""In the address of a list: show at once how computers come in. No part of the list."""

SIDE = "label_query"
"""What is sought among the labels beside the list: stands in its address, and shows the same hosts."""

NEEDLESS = {"order_key": ORDER[0], "order_direction": ORDER[1], "page": "0", "per_page": str(PER_PAGE)}
"""Parameters that say what goes without saying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View(ListState):
    """A list of hosts: its filters and its columns stand in its address, the label in the path."""

    wanted: Filter
    columns: tuple[str, ...] = ()

    @property
    def label_id(self) -> int | None:
        """The label whose hosts these are."""
        return self.wanted.label_id

    @property
    def label_match(self) -> str:
        """What the labels beside the list have in their names."""
        return self.kept.get(SIDE, "")

    @property
    def filters(self) -> dict[str, str]:
        """The filters, as programs and forms name them."""
        return {name: str(value) for name, value in self.parameters().items() if name in filtering.CHECKS}

    def address(self, parameters: dict[str, Any]) -> str:
        """The address of a list of hosts with these parameters."""
        return url_for("hosts.of_label" if "label_id" in parameters else "hosts.index", **parameters)

    def without_filters(self) -> str:
        """The address of all hosts, in the same order and columns."""
        return self.url(**dict.fromkeys(self.filters))

    def download(self) -> str:
        """The address of the same list as CSV."""
        given: dict[str, Any] = self.parameters() | {"cols": ",".join(self.columns)}
        for name in ("page", "per_page", SIDE):
            given.pop(name, None)
        return url_for("hosts.download", **given)


def read(label_id: int | None, *, teams: bool) -> tuple[View, bool]:
    """The list that this request's address describes; and whether all of the address was understood."""
    wanted, kept = filtering.read_clean(request.args)
    kept.pop("query", None)
    if label_id is not None:
        kept["label_id"] = str(label_id)
    if match := sought(SIDE):
        kept[SIDE] = match
    keys, chosen, listed = _columns(teams=teams)
    if chosen:
        kept["cols"] = ",".join(keys)
    view = View.read("hosts.index", columns.SORTS, order=ORDER, size=PER_PAGE, kept=kept, wanted=wanted, columns=keys)
    view = replace(view, wanted=replace(wanted, match=view.match, label_id=label_id or wanted.label_id))
    return view, not listed and _understood(view)


def _understood(view: View) -> bool:
    shown = {name: str(value) for name, value in view.parameters().items()}
    asked = {name: value.strip() for name, value in request.args.items() if value != "" and name != ADD}
    return all(
        shown.get(name) == value or (name not in shown and NEEDLESS.get(name) == value) for name, value in asked.items()
    )


def _columns(*, teams: bool) -> tuple[tuple[str, ...], bool, bool]:
    """The columns; whether the address names them; whether a form listed them one by one."""
    given = request.args.getlist("cols")
    kept = columns.known(request.cookies.get(COOKIE, "").split("."))
    named = columns.known(",".join(given).split(","))
    if given:
        return named or columns.default(teams=teams), True, len(given) > 1 or "columns" in request.args
    return kept or columns.default(teams=teams), False, False
