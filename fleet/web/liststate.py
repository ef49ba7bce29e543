"""What a list page shows, as its address says it, and the addresses of the same list shown otherwise."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from flask import request, url_for

from fleet.db.listing import ListOptions
from fleet.shapes import digits

SIZES = (20, 50, 100, 200)
MOST = 10**9
"""Pages further on hold nothing in any list."""

MOST_SOUGHT = 255
"""Characters of a search."""


@dataclass(frozen=True, slots=True)
class ListState:
    """Order, page, size, search and filters of a list page."""

    endpoint: str
    order_key: str
    order_direction: str
    page: int = 0
    per_page: int = SIZES[0]
    match: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, str] = ("", "")  # when nobody chose, as the next
    size: int = SIZES[0]

    @classmethod
    def read(
        cls,
        endpoint: str,
        sorts: Collection[str],
        *,
        order: tuple[str, str],
        size: int = SIZES[0],
        kept: Mapping[str, str],
        **own: Any,
    ) -> Self:
        """The state that the address of this request says; what it cannot mean is passed over. `sorts`: the columns
        that order the list; `order`, `size`: how it stands when nobody chose; `kept`: what else stands in its address;
        `own`: fields of a subclass."""
        given = request.args
        order_key, direction = order
        if given.get("order_key", "") in sorts:
            order_key = given["order_key"]
            direction = "desc" if given.get("order_direction") == "desc" else "asc"
        per_page = number(given.get("per_page", ""))
        return cls(
            endpoint=endpoint,
            order_key=order_key,
            order_direction=direction,
            page=number(given.get("page", "")),
            per_page=per_page if per_page in SIZES else size,
            match=sought("query"),
            kept=kept,
            order=order,
            size=size,
            **own,
        )

    @property
    def options(self) -> ListOptions:
        """The same for a select()."""
        return ListOptions(self.page, self.per_page, self.order_key, self.order_direction == "desc", match=self.match)

    @property
    def everything(self) -> ListOptions:
        """The same without pages."""
        return replace(self.options, page=0, per_page=0)

    def within(self, total: int) -> Self:
        """The same on the last page that has rows, if this one is beyond it."""
        return replace(self, page=min(self.page, max(total - 1, 0) // self.per_page))

    def parameters(self) -> dict[str, str | int]:
        """What stands in the address; nothing that goes without saying."""
        ordered = (self.order_key, self.order_direction) != self.order
        shown = {
            "query": self.match,
            **self.kept,
            "order_key": self.order_key if ordered else None,
            "order_direction": self.order_direction if ordered else None,
            "page": self.page or None,
            "per_page": self.per_page if self.per_page != self.size else None,
        }
        return {name: value for name, value in shown.items() if value not in (None, "")}

    def url(self, **changes: str | int | None) -> str:
        """The address of this list with some parameters changed, at its first page unless the page is given; none
        removes one."""
        shown = self.parameters() | ({"page": None} if changes else {}) | changes
        return self.address({name: value for name, value in shown.items() if value not in (None, "")})

    def address(self, parameters: dict[str, Any]) -> str:
        """The address of a list with these parameters."""
        return url_for(self.endpoint, **parameters)


def list_state(endpoint: str, sorts: Collection[str], *, order: tuple[str, str], keep: Iterable[str] = ()) -> ListState:
    """The state of a list whose filters, `keep`, stand in its address as they are."""
    kept = {name: request.args[name] for name in keep if request.args.get(name)}
    return ListState.read(endpoint, sorts, order=order, kept=kept)


def sought(name: str) -> str:
    """What the address says to look for."""
    return request.args.get(name, "").replace("\x00", "").strip()[:MOST_SOUGHT]


def number(text: str) -> int:
    """The number of a page, or of its rows, in an address; what is none is 0."""
    return digits(text, MOST) or 0
