"""The only code that asks which database it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, Integer, Table, Text, cast, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from fleet.db.types import UtcDateTime
from fleet.errors import FleetError, Invalid

Row = Mapping[str, Any]


@contextmanager
def unique(session: Session, taken: Callable[[], FleetError], missing: str = "a row") -> Iterator[None]:
    """Write in a savepoint: a value that stands already raises what `taken` makes, a reference to nothing an
    `Invalid`. The session stays usable after either."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as refused:
        if is_foreign_key(refused):
            raise Invalid(
                f"Error 1452 (23000): Cannot add or update a child row: {missing} does not exist"
            ) from refused
        raise taken() from refused


def is_foreign_key(error: IntegrityError) -> bool:
    """Whether a reference to a missing row was refused (and not a value that stands already)."""
    state = getattr(error.orig, "sqlstate", None)
    return state == "23503" or "FOREIGN KEY" in str(error.orig)


def _insert(connection: Connection | Session, table: FromClause) -> Any:
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    dialect = sqlite if bind.dialect.name == "sqlite" else postgresql
    assert isinstance(table, Table)
    return dialect.insert(table)


def insert_ignore(connection: Connection | Session, table: FromClause, rows: Sequence[Row]) -> None:
    """Insert rows; those that stand already are left as they are."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), list(rows))


def upsert(connection: Connection | Session, table: FromClause, rows: Sequence[Row], *, key: Sequence[str]) -> None:
    """Insert rows, or write all their other columns over the row with the same `key`."""
    if not rows:
        return
    statement = _insert(connection, table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changed), list(rows))


def contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a column holds a text, in any letter case, `%` and `_` being plain characters."""
    return func.lower(cast(column, Text)).contains(text.lower(), autoescape=True)


class plus_seconds(FunctionElement[datetime]):
    """`plus_seconds(moment, seconds)`: a moment, so many seconds later."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(plus_seconds, "postgresql")
def _plus_postgresql(element: plus_seconds, compiler: SQLCompiler, **kwargs: Any) -> str:
    moment, seconds = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"({moment} + make_interval(secs => {seconds}))"


@compiles(plus_seconds, "sqlite")
def _plus_sqlite(element: plus_seconds, compiler: SQLCompiler, **kwargs: Any) -> str:
    moment, seconds = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"strftime('%Y-%m-%d %H:%M:%f', {moment}, ({seconds}) || ' seconds')"


class least(FunctionElement[int]):
    """`least(a, b)`: the smaller of two numbers."""

    type = Integer()
    inherit_cache = True


@compiles(least)
def _least(element: least, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"least({compiler.process(element.clauses, **kwargs)})"


@compiles(least, "sqlite")
def _least_sqlite(element: least, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"min({compiler.process(element.clauses, **kwargs)})"
