"""The list of hosts as its address describes it: filters, order, page and columns."""

from dataclasses import dataclass, replace
from typing import Any

from flask import request, url_for

from fleet.db.listing import ListOptions
from fleet.hosts import columns, filtering
from fleet.hosts.listing import Filter
from fleet.web.liststate import SIZES, number

PER_PAGE = 50
ORDER = ("display_name", "asc")
COOKIE = "host_columns"
ADD = "add_hosts"
"""In the address of a list: show at once how computers come in. No part of the list."""


@dataclass(frozen=True, slots=True)
class View:
    """A list of hosts, and the addresses of the same list shown otherwise."""

    wanted: Filter
    filters: dict[str, str]
    label_id: int | None = None
    order_key: str = ORDER[0]
    order_direction: str = ORDER[1]
    page: int = 0
    per_page: int = PER_PAGE
    columns: tuple[str, ...] = ()
    chosen: bool = False  # the address names the columns

    @property
    def options(self) -> ListOptions:
        """The same for a select()."""
        return ListOptions(self.page, self.per_page, self.order_key, self.order_direction == "desc")

    @property
    def match(self) -> str:
        """What is searched for."""
        return self.wanted.match

    @property
    def everything(self) -> dict[str, str]:
        """The filters with the label among them, as programs and forms name them."""
        label = {"label_id": str(self.label_id)} if self.label_id is not None else {}
        return {**self.filters, **label}

    def parameters(self) -> dict[str, Any]:
        """What stands in the address, nothing that goes without saying."""
        ordered = (self.order_key, self.order_direction) != ORDER
        return {
            **self.filters,
            "label_id": self.label_id,
            "order_key": self.order_key if ordered else None,
            "order_direction": self.order_direction if ordered else None,
            "page": self.page or None,
            "per_page": self.per_page if self.per_page != PER_PAGE else None,
            "cols": ",".join(self.columns) if self.chosen else None,
        }

    def url(self, **changes: Any) -> str:
        """The address of this list with some parameters changed; none removes one. A changed filter begins anew."""
        if not {"page", "per_page", "order_key", "cols"} & set(changes):
            changes = {"page": None, **changes}
        given = {name: value for name, value in (self.parameters() | changes).items() if value not in (None, "")}
        label_id = given.pop("label_id", None)
        if label_id is not None:
            return url_for("hosts.of_label", label_id=label_id, **given)
        return url_for("hosts.index", **given)

    def without_filters(self) -> str:
        """The address of all hosts, in the same order and columns."""
        return self.url(label_id=None, **dict.fromkeys(self.filters))

    def download(self) -> str:
        """The address of the same list as CSV."""
        given = {name: value for name, value in self.parameters().items() if value not in (None, "")}
        for name in ("page", "per_page"):
            given.pop(name, None)
        return url_for("hosts.download", **given | {"cols": ",".join(self.columns)})

    def within(self, total: int) -> "View":
        """The same on the last page that has rows, if this one is beyond it."""
        return replace(self, page=min(self.page, max(total - 1, 0) // self.per_page))


def read(label_id: int | None, *, teams: bool) -> tuple[View, bool]:
    """The list that this request's address describes; and whether all of the address was understood."""
    given = request.args
    wanted, filters = filtering.read_clean(given)
    if label_id is None and filters.get("label_id"):
        label_id = wanted.label_id
    filters.pop("label_id", None)
    order_key, direction = _order()
    keys, chosen, listed = _columns(teams=teams)
    per_page = number(given.get("per_page", ""))
    view = View(
        wanted=replace(wanted, label_id=label_id),
        filters=filters,
        label_id=label_id,
        order_key=order_key,
        order_direction=direction,
        page=number(given.get("page", "")),
        per_page=per_page if per_page in SIZES else PER_PAGE,
        columns=keys,
        chosen=chosen,
    )
    clean = {name: str(value) for name, value in view.parameters().items() if value not in (None, "")}
    clean.pop("label_id", None)
    asked = {name: value for name, value in given.items() if value != "" and name != ADD}
    return view, not listed and _same(asked, clean)


def _same(asked: dict[str, str], clean: dict[str, str]) -> bool:
    redundant = {"order_key": ORDER[0], "order_direction": ORDER[1], "page": "0", "per_page": str(PER_PAGE)}
    needless = {name for name, value in redundant.items() if asked.get(name) == value}
    return all(
        (name in needless and name not in clean) or clean.get(name) == value.strip() for name, value in asked.items()
    )


def _order() -> tuple[str, str]:
    key = request.args.get("order_key", "").removeprefix("h.")
    if key not in columns.SORTS:
        return ORDER
    return key, "desc" if request.args.get("order_direction") == "desc" else "asc"


def _columns(*, teams: bool) -> tuple[tuple[str, ...], bool, bool]:
    """The columns; whether the address names them; whether a form listed them one by one."""
    given = request.args.getlist("cols")
    kept = columns.known(request.cookies.get(COOKIE, "").split("."))
    named = columns.known(",".join(given).split(","))
    if given:
        return named or columns.default(teams=teams), True, len(given) > 1 or "columns" in request.args
    return kept or columns.default(teams=teams), False, False
