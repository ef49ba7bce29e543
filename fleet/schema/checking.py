"""Says what is wrong with SQL before any host is asked to run it."""

import threading
from dataclasses import dataclass
from functools import lru_cache, reduce

from .catalog import Table, tables
from .errors import Failed
from .sqlite import Database, Prepared

SQL_MAX = 64 * 1024
"""Bytes of a text that is checked, and characters of one that is saved."""

KEPT = 4096
"""Longer SQL is checked each time: what is remembered must not fill the memory."""

PLATFORMS = ("chrome", "darwin", "linux", "windows")
NO_SUCH_TABLE = "no such table: "

_databases = threading.local()


@dataclass(frozen=True, slots=True)
class Check:
    """What was found. Only errors mean that the SQL cannot run anywhere."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()


def check(sql: str) -> Check:
    """Compile SQL against the schema without running it."""
    return _remembered(sql) if len(sql) <= KEPT else _check(sql)


@lru_cache(maxsize=2048)
def _remembered(sql: str) -> Check:
    return _check(sql)


def _check(sql: str) -> Check:
    if not sql.strip():
        return Check(errors=("The query is empty",))
    if len(sql.encode("utf-8", "replace")) > SQL_MAX:
        return Check(errors=(f"The query is longer than {SQL_MAX // 1024} KB",))
    if "\0" in sql:
        return Check(errors=("The query holds a NUL character",))
    try:
        found = _database().prepare(sql)
    except Failed as error:
        return _failure(str(error))
    if not found.statements:
        return Check(errors=("The query is empty",))
    return _described(found)


def _database() -> Database:
    """One for each thread: building it is the expensive part."""
    database: Database | None = getattr(_databases, "database", None)
    if database is None:
        database = _databases.database = Database()
    return database


def _failure(message: str) -> Check:
    if message.startswith(NO_SUCH_TABLE):
        name = message.removeprefix(NO_SUCH_TABLE)
        return Check(warnings=(f"Unknown table {name}: only hosts with an extension that has it can answer",))
    if message == "not authorized" or message.endswith("may not be modified"):
        message = "Only SELECT is allowed"
    return Check(errors=(message,))


def _described(found: Prepared) -> Check:
    known = [tables()[name] for name in sorted(found.tables) if name in tables()]
    return Check(
        warnings=tuple(_warnings(found, known)),
        tables=tuple(table.name for table in known),
        platforms=_compatible(known),
    )


def _compatible(known: list[Table]) -> tuple[str, ...]:
    common = reduce(lambda so_far, table: so_far & set(table.platforms), known, set(PLATFORMS))
    return tuple(sorted(common))


def _warnings(found: Prepared, known: list[Table]) -> list[str]:
    warnings = []
    if found.statements > 1:
        warnings.append("Several statements: their rows come back as one result")
    for table in known:
        if table.required and table.name not in found.constrained:
            names = " or ".join(sorted(table.required))
            warnings.append(f"Table {table.name} gives rows only when WHERE constrains {names}")
        if table.evented:
            warnings.append(f"Table {table.name} holds events: it is empty unless the host records them")
    if known and not _compatible(known):
        warnings.append("No platform has all of these tables")
    return warnings
