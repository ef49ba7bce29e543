"""News for every process: what was changed in the database that some process keeps in memory.

Whoever changes something that agents are sent writes a row here in the same transaction; each process reads
the new rows four times a second, and right after its own commits, and drops what they name.
"""

import logging
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine, String, delete, insert, or_, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from fleet import clock
from fleet.db.base import Base
from fleet.db.engine import reading

log = logging.getLogger(__name__)

POLL_INTERVAL = 0.25
KEPT = timedelta(hours=1)

SLOWEST = 90.0
"""Seconds that an id is waited for whose successors were read: a slower transaction commits it later, or never."""

MOST_GAPS = 100
BEFORE = 10_000
"""Ids below the highest that may still come when a process starts."""

HOST, CONFIG, LABELS, APP_CONFIG = "host", "config", "labels", "app_config"
"""Topics: one host's row; what agents are sent (queries, packs, options); labels and their SQL; app config."""

Listener = Callable[[str, int], None]


class Change(Base):
    """Something that was changed."""

    __tablename__ = "changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(32))
    subject: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


_HIGHEST = "SELECT max(id) FROM changes"
_ROWS = select(Change.id, Change.topic, Change.subject).order_by(Change.id)


def announce(connection: Connection | Session, topic: str, *subjects: int) -> None:
    """Say, in this transaction, that `topic` changed: for the subjects with these ids, or as a whole."""
    connection.execute(insert(Change), [{"topic": topic, "subject": subject} for subject in subjects or (0,)])


def forget(connection: Connection | Session) -> None:
    """Delete the rows that every process has read long ago."""
    connection.execute(delete(Change).where(Change.created_at < clock.now() - KEPT))


class Gap(NamedTuple):
    """Ids that were not there when higher ones were read, and until when they are looked for."""

    first: int
    last: int
    until: float

    def without(self, ids: Sequence[int]) -> "Iterator[Gap]":
        """What is left of it when these ids, ascending, have been read."""
        first = self.first
        for each in ids[bisect_left(ids, first) : bisect_right(ids, self.last)]:
            if each > first:
                yield Gap(first, each - 1, self.until)
            first = each + 1
        if first <= self.last:
            yield Gap(first, self.last, self.until)


class Watcher:
    """Reads new changes and hands each to the listeners, once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: list[Listener] = []
        self._last = 0
        self._gaps: list[Gap] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, listener: Listener) -> None:
        """Call `listener(topic, subject)` for every change from now on."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Poll in a thread until `stop`."""
        with reading(self._engine) as connection:
            last = connection.scalar(select(Change.id).order_by(Change.id.desc()).limit(1)) or 0
            self._last = max(0, last - BEFORE)
            recent = connection.scalars(select(Change.id).where(Change.id > self._last).order_by(Change.id)).all()
        if recent:
            self._read(recent, time.monotonic() + SLOWEST)
        self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    def poll(self) -> None:
        """Read and hand out what is new; called after a commit of this process, so that it acts at once."""
        with self._lock:
            if not self._gaps and self._highest() <= self._last:
                return
            now = time.monotonic()
            self._gaps = [gap for gap in self._gaps if gap.until > now][-MOST_GAPS:]
            late = (Change.id.between(gap.first, gap.last) for gap in self._gaps)
            with reading(self._engine) as connection:
                rows = connection.execute(_ROWS.where(or_(Change.id > self._last, *late))).all()
            if rows:
                self._read([row.id for row in rows], now + SLOWEST)
        for row in rows:
            for listener in self._listeners:
                listener(row.topic, row.subject)

    def _highest(self) -> int:
        """The highest id there is, straight from the driver: it is asked for all the time, mostly for nothing."""
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(_HIGHEST)
            ((highest,),) = cursor.fetchall()
        except self._engine.dialect.loaded_dbapi.Error as error:
            connection.invalidate(error)
            raise OperationalError(_HIGHEST, {}, error) from error
        finally:
            connection.close()
        return highest or 0

    def _read(self, ids: Sequence[int], until: float) -> None:
        """These ids, ascending, were read: what lies between them may still come."""
        spans = [*self._gaps, Gap(self._last + 1, ids[-1], until)]
        self._gaps = [gap for span in spans for gap in span.without(ids)]
        self._last = max(self._last, ids[-1])

    def _run(self) -> None:
        while not self._stopped.wait(POLL_INTERVAL):
            try:
                self.poll()
            except SQLAlchemyError as error:
                log.warning("could not read changes: %s", type(error).__name__)
