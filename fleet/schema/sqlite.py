"""An in-memory SQLite in which every table of the schema is a virtual table over somebody's rows."""

import time
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import apsw

from .catalog import Column, Table, tables
from .errors import Failed, TimedOut, TooMuch
from .functions import register, text
from .virtual import Constraint, Row, Run, module

TEXT_MAX = 16 * 1024 * 1024
MEMORY_MAX = 256 * 1024 * 1024  # of all of SQLite, sorting and temporary tables included
COMPILE_SECONDS = 5.0
OPCODES_BETWEEN_LOOKS = 20_000
CELL_OVERHEAD = 50  # bytes that a cell costs beside its text

READ_ONLY = frozenset((apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE))
# What SQL, or rows made for it, may bring about; anything else is a bug.
UNUSABLE = (apsw.Error, ValueError, OverflowError, RecursionError, MemoryError)
FORBIDDEN_FUNCTIONS = frozenset(("load_extension", "fts3_tokenizer", "sqlite_dbpage"))


class Source(Protocol):
    """Where rows come from: a computer, real or simulated."""

    @property
    def constrained(self) -> Container[str]:
        """Tables that look at their constraints; all others are read whole, once a query."""

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows of a table; more than the constraints ask for does no harm."""


class NoRows:
    """A source whose tables are all empty."""

    constrained: Container[str] = ()

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a query gave: rows of texts, as osquery sends them."""

    rows: list[dict[str, str]]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a query may take and how much it may give."""

    seconds: float = 30.0
    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class Prepared:
    """What a statement was found to be while it was compiled."""

    statements: int = 0
    tables: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    constrained: set[str] = field(default_factory=set)


class Database:
    """Runs SQL over sources, read-only and within limits. Not for two threads at once."""

    def __init__(self, platform: str = "") -> None:
        """With a platform, SELECT * leaves out the columns that only other platforms have."""
        self._connection = apsw.Connection(":memory:", statementcachesize=256)
        self._run = Run(NoRows(), float("inf"))
        self._preparing = Prepared()
        register(self._connection)
        for table in tables().values():
            self._connection.create_module(
                table.name,
                module(table, declaration(table, platform), self),
                use_bestindex_object=True,
                eponymous=True,
                eponymous_only=True,
                read_only=True,
            )
        for limit, value in (
            (apsw.SQLITE_LIMIT_LENGTH, TEXT_MAX),
            (apsw.SQLITE_LIMIT_SQL_LENGTH, 1024 * 1024),
            (apsw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 10_000),
            (apsw.SQLITE_LIMIT_ATTACHED, 0),
            (apsw.SQLITE_LIMIT_WORKER_THREADS, 0),
        ):
            self._connection.limit(limit, value)
        apsw.hard_heap_limit(MEMORY_MAX)
        self._connection.execute("PRAGMA temp_store = MEMORY")
        self._connection.enable_load_extension(False)
        self._connection.authorizer = self._authorize
        self._connection.set_progress_handler(self._overdue, OPCODES_BETWEEN_LOOKS)

    @property
    def running(self) -> Run:
        """The query that runs now: its source, its deadline and the rows already read."""
        return self._run

    def constrain(self, table: str) -> None:
        """Note that the statement being compiled constrains a required column of a table."""
        self._preparing.constrained.add(table)

    def run(self, sql: str, source: Source, limits: Limits | None = None) -> Result:
        """Run every statement of a text over a source; raises Failed, TooMuch or TimedOut."""
        limits = limits or Limits()
        self._run = Run(source, time.monotonic() + limits.seconds)
        try:
            return self._rows(sql, limits)
        except apsw.InterruptError:
            raise TimedOut(f"query took longer than {limits.seconds:g} s") from None
        except UNUSABLE as error:
            raise Failed(_said(error)) from error
        finally:
            self._run = Run(NoRows(), float("inf"))

    def stop(self) -> None:
        """The query that runs now has no time left; may be called from another thread."""
        self._run.deadline = 0.0

    def prepare(self, sql: str) -> Prepared:
        """Compile the statements of a text without running any; raises Failed."""
        found = self._preparing = Prepared()
        self._run = Run(NoRows(), time.monotonic() + COMPILE_SECONDS)
        try:
            rest = sql
            while rest.strip():
                consumed = self._compile(rest)
                if not consumed:
                    break
                found.statements += 1
                rest = rest[len(consumed) :]
        finally:
            self._preparing = Prepared()
            self._run = Run(NoRows(), float("inf"))
        return found

    def _compile(self, sql: str) -> str:
        """The first statement of a text; empty when only blanks and comments are left."""
        seen: list[str] = []

        def stop(cursor: apsw.Cursor, statement: str, _bindings: object) -> bool:
            if not cursor.is_readonly:
                raise apsw.AuthError("not authorized")
            if cursor.get_description():
                seen.append(statement)
            return False

        cursor = self._connection.cursor()
        cursor.exec_trace = stop
        try:
            cursor.execute(sql, can_cache=False)
        except apsw.ExecTraceAbort:
            pass
        except UNUSABLE as error:
            raise Failed(_said(error)) from error
        finally:
            cursor.close(True)
        return seen[0] if seen else ""

    def _rows(self, sql: str, limits: Limits) -> Result:
        names: tuple[str, ...] = ()

        def describe(cursor: apsw.Cursor, _sql: str, _bindings: object) -> bool:
            nonlocal names
            names = tuple(column[0] for column in cursor.get_description())
            return True

        found: list[dict[str, str]] = []
        left = limits.bytes
        cursor = self._connection.cursor()
        cursor.exec_trace = describe
        try:
            for values in cursor.execute(sql):
                row = {
                    name: value if type(value) is str else text(value)
                    for name, value in zip(names, values, strict=True)
                }
                left -= sum(map(len, row.values())) + CELL_OVERHEAD * len(row)
                if left < 0 or len(found) >= limits.rows:
                    raise TooMuch(f"query gave more than {limits.rows} rows or {limits.bytes} bytes")
                found.append(row)
        finally:
            cursor.close(True)
        return Result(found, names)

    def _overdue(self) -> bool:
        return time.monotonic() > self._run.deadline

    def _authorize(self, operation: int, one: str | None, two: str | None, _db: str | None, _by: str | None) -> int:
        if operation not in READ_ONLY:
            return apsw.SQLITE_DENY
        if operation == apsw.SQLITE_READ and one:
            self._preparing.tables.add(one.lower())
        elif operation == apsw.SQLITE_FUNCTION and two:
            if two.lower() in FORBIDDEN_FUNCTIONS:
                return apsw.SQLITE_DENY
            self._preparing.functions.add(two.lower())
        return apsw.SQLITE_OK


def _said(error: Exception) -> str:
    """SQLite's words for what went wrong, and ours where it has none for people."""
    if isinstance(error, UnicodeEncodeError):
        return "SQL is not valid Unicode"
    if isinstance(error, apsw.NoMemError | MemoryError):
        return f"query needs more than {MEMORY_MAX // 2**20} MB of memory"
    if isinstance(error, RecursionError | apsw.InterruptError):
        return "query is too complicated"
    if isinstance(error, apsw.BindingsError):
        return "parameters like ? and :name have no value"
    return str(error)


SQL_TYPES = {"text": "TEXT", "double": "DOUBLE", "integer": "INTEGER"}


def declaration(table: Table, platform: str) -> str:
    """CREATE TABLE for SQLite, with types, collations and hidden columns as osquery declares them."""
    return f"CREATE TABLE x({', '.join(_declared(table.columns, platform))})"


def _declared(columns: Iterable[Column], platform: str) -> Iterator[str]:
    for column in columns:
        collate = f" COLLATE {column.collate}" if column.collate else ""
        hidden = " HIDDEN" if column.hidden_on(platform) else ""
        yield f'"{column.name}" {SQL_TYPES.get(column.type, "BIGINT")}{hidden}{collate}'
