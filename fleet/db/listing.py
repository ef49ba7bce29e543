"""Paging, order and search of a list become part of a select()."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.sql.elements import ColumnElement

from fleet.errors import BadRequest, Invalid
from fleet.shapes import MAX_ID

MAX_ROWS = 1_000_000

Columns = Mapping[str, ColumnElement[Any]]
"""The keys by which a list may be ordered; nothing else ever reaches the SQL."""

Statement = TypeVar("Statement", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class ListOptions:
    """Which part of a list, in which order. `per_page` 0: all of it."""

    page: int = 0
    per_page: int = 0
    order_key: str = ""
    descending: bool = False
    after: str = ""
    match: str = ""


def ordered(statement: Statement, options: ListOptions, columns: Columns, unique: ColumnElement[Any]) -> Statement:
    """The statement in the asked order, the unique column last, so that pages neither overlap nor skip."""
    if options.order_key:
        column = columns.get(options.order_key.removeprefix("h."))
        if column is None:
            raise Invalid(
                f"Error 1054 (42S22): Unknown column '{options.order_key}' in 'order clause'",
                name="order_key",
            )
        if options.after:
            value = _cursor(column, options.after)
            statement = statement.where(column < value if options.descending else column > value)
        statement = statement.order_by(column.desc().nulls_last() if options.descending else column.asc().nulls_first())
    return statement.order_by(unique)


def paged(statement: Statement, options: ListOptions) -> Statement:
    """The statement cut to the asked page."""
    if not options.per_page:
        return statement.limit(MAX_ROWS)
    offset = 0 if options.after and options.order_key else options.page * options.per_page
    return statement.limit(options.per_page).offset(offset)


def _cursor(column: ColumnElement[Any], text: str) -> Any:
    """The text of a cursor in the column's own type, since databases do not compare across types alike."""
    kind = column.type.python_type
    try:
        if kind is bool:
            return text in ("1", "true")
        if kind is datetime:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        number = kind(text)
    except (ValueError, OverflowError):
        raise BadRequest(f"after must be a {kind.__name__} like the order_key") from None
    if kind is int and abs(number) > MAX_ID:
        raise BadRequest("after is out of range")
    return number
