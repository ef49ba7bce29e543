"""What a list page shows, as its address says it, and the addresses of the same list shown otherwise."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from flask import request, url_for

from fleet.db.listing import ListOptions
from fleet.shapes import digits

SIZES = (20, 50, 100, 200)
MOST = 10**9
"""Pages further on hold nothing in any list."""


@dataclass(frozen=True, slots=True)
class ListState:
    """Order, page, size and filters of a list page."""

    endpoint: str
    order_key: str
    order_direction: str
    page: int = 0
    per_page: int = SIZES[0]
    match: str = ""
    kept: dict[str, str] = field(default_factory=dict)
    default: tuple[str, str] = ("", "")

    @property
    def options(self) -> ListOptions:
        """The same for a select()."""
        return ListOptions(self.page, self.per_page, self.order_key, self.order_direction == "desc", match=self.match)

    @property
    def everything(self) -> ListOptions:
        """The same without pages."""
        return replace(self.options, page=0, per_page=0)

    def within(self, total: int) -> "ListState":
        """The same on the last page that has rows, if this one is beyond it."""
        return replace(self, page=min(self.page, max(total - 1, 0) // self.per_page))

    def url(self, **changes: str | int | None) -> str:
        """The address of this list with some parameters changed; none removes one."""
        ordered = (self.order_key, self.order_direction) != self.default
        shown: dict[str, str | int | None] = {
            **self.kept,
            "query": self.match or None,
            "order_key": self.order_key if ordered else None,
            "order_direction": self.order_direction if ordered else None,
            "page": self.page or None,
            "per_page": self.per_page if self.per_page != SIZES[0] else None,
        }
        given: dict[str, Any] = {key: value for key, value in (shown | changes).items() if value is not None}
        return url_for(self.endpoint, **given)


def list_state(
    endpoint: str, columns: Collection[str], *, order: tuple[str, str], keep: Iterable[str] = ()
) -> ListState:
    """The state that the address of this request says; what it cannot mean is passed over. `order`: how the list
    stands when nobody chose; `keep`: the list's own filters."""
    given = request.args
    order_key, direction = order
    if given.get("order_key", "") in columns:
        order_key = given["order_key"]
        direction = "desc" if given.get("order_direction") == "desc" else "asc"
    page, per_page = number(given.get("page", "")), number(given.get("per_page", ""))
    return ListState(
        endpoint=endpoint,
        order_key=order_key,
        order_direction=direction,
        page=page,
        per_page=per_page if per_page in SIZES else SIZES[0],
        match=given.get("query", "").replace("\x00", "").strip()[:255],
        kept={name: given[name] for name in keep if given.get(name)},
        default=order,
    )


def number(text: str) -> int:
    """The number of a page, or of its rows, in an address; what is none is 0."""
    return digits(text, MOST) or 0
