"""The only code that asks which database it is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Float, FromClause, Integer, Table, Text, case, cast, false, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from fleet.errors import FleetError, Invalid

Row = Mapping[str, Any]
T = TypeVar("T")

IN_ONE_STATEMENT = 500
"""Values of one list in a statement: every database takes that many, also several times."""


def batches(values: Sequence[T]) -> Iterable[Sequence[T]]:
    """The values in parts that fit into one statement."""
    return (values[start : start + IN_ONE_STATEMENT] for start in range(0, len(values), IN_ONE_STATEMENT))


def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """The number of rows of which it is true; 0 where there are none."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0, type_=Integer)


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


def _dialect(connection: Connection | Session) -> str:
    bind = connection.get_bind() if isinstance(connection, Session) else connection
    return bind.dialect.name


def _insert(dialect: str, table: Table) -> Any:
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


# Statements are made once: that costs more than running one of them.


@lru_cache(maxsize=500)
def _inserts_ignoring(dialect: str, table: Table) -> Executable:
    made: Executable = _insert(dialect, table).on_conflict_do_nothing()
    return made


@lru_cache(maxsize=500)
def _upserts(dialect: str, table: Table, names: tuple[str, ...], key: tuple[str, ...]) -> Executable:
    statement = _insert(dialect, table)
    changed = {name: statement.excluded[name] for name in names if name not in key}
    made: Executable = statement.on_conflict_do_update(index_elements=list(key), set_=changed)
    return made


def insert_ignore(connection: Connection | Session, table: FromClause, rows: Sequence[Row]) -> None:
    """Insert rows; those that stand already are left as they are."""
    if rows:
        assert isinstance(table, Table)
        connection.execute(_inserts_ignoring(_dialect(connection), table), list(rows))


def upsert(connection: Connection | Session, table: FromClause, rows: Sequence[Row], *, key: Sequence[str]) -> None:
    """Insert rows, or write all their other columns over the row with the same `key`."""
    if rows:
        assert isinstance(table, Table)
        connection.execute(_upserts(_dialect(connection), table, tuple(rows[0]), tuple(key)), list(rows))


def contains(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a column holds a text, in any letter case, `%` and `_` being plain characters."""
    if len(text) > (getattr(column.type, "length", None) or len(text)):
        return false()  # and SQLite refuses patterns of more than 50,000 characters
    return func.lower(cast(column, Text)).contains(text.lower(), autoescape=True)


class seconds_between(FunctionElement[float]):
    """`seconds_between(earlier, later)`: the seconds from one moment to another."""

    type = Float()
    inherit_cache = True


@compiles(seconds_between, "postgresql")
def _between_postgresql(element: seconds_between, compiler: SQLCompiler, **kwargs: Any) -> str:
    earlier, later = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"extract(epoch FROM ({later} - {earlier}))"


@compiles(seconds_between, "sqlite")
def _between_sqlite(element: seconds_between, compiler: SQLCompiler, **kwargs: Any) -> str:
    earlier, later = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"


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
