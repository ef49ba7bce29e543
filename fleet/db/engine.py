"""How connections behave: pragmas and transactions on SQLite, time-outs on PostgreSQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import ConnectionPoolEntry

READS = {"reads": True}
"""Execution options of a transaction that only reads; every other one takes the write lock as it begins."""

POSTGRESQL_OPTIONS = "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"


def normal_url(url: str, data_dir: Path) -> str:
    """The URL with the driver that is used here; empty: the SQLite file in the data folder."""
    if not url:
        return f"sqlite:///{data_dir.resolve() / 'fleet.db'}"
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def engine_options(url: str) -> dict[str, Any]:
    """What create_engine is called with, for either database."""
    options: dict[str, Any] = {
        "pool_size": 20, "max_overflow": 60, "pool_timeout": 20,
        "hide_parameters": True,  # errors are logged, and what was written may be secret
    }  # fmt: skip
    if url.startswith("postgresql"):
        options |= {
            "pool_pre_ping": True,
            "connect_args": {"options": POSTGRESQL_OPTIONS, "connect_timeout": 5},
        }
    else:
        options |= {"connect_args": {"timeout": 10}}
    return options


def prepare(engine: Engine) -> None:
    """Make SQLite behave: WAL, foreign keys, and a BEGIN of our own.

    The driver's implicit BEGIN comes too late for savepoints, and a read transaction that turns into a write
    fails at once when another writer was faster; hence IMMEDIATE unless the transaction says that it reads.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def on_connect(raw: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
        raw.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=10000",
                       "temp_store=MEMORY", "cache_size=-16000"):  # fmt: skip
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose transaction only reads."""
    with engine.connect().execution_options(reads=True) as connection:
        yield connection
