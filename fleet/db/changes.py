"""News for every process: what was changed in the database that some process keeps in memory.

Whoever changes something that agents are sent writes a row here in the same transaction; each process reads
the new rows four times a second, and right after its own commits, and drops what they name.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, String, bindparam, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column

from fleet import clock
from fleet.db.base import Base
from fleet.db.engine import reading

log = logging.getLogger(__name__)

POLL_INTERVAL = 0.25
KEPT = timedelta(hours=1)
OVERLAP = 100  # a slower transaction can commit a lower id later

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


_SUMMARY = select(func.count(), func.max(Change.id)).where(Change.id > bindparam("after"))
_ROWS = select(Change.id, Change.topic, Change.subject).where(Change.id > bindparam("after")).order_by(Change.id)


def announce(connection: Connection | Session, topic: str, *subjects: int) -> None:
    """Say, in this transaction, that `topic` changed: for the subjects with these ids, or as a whole."""
    connection.execute(insert(Change), [{"topic": topic, "subject": subject} for subject in subjects or (0,)])


def forget(connection: Connection | Session) -> None:
    """Delete the rows that every process has read long ago."""
    connection.execute(delete(Change).where(Change.created_at < clock.now() - KEPT))


class Watcher:
    """Reads new changes and hands each to the listeners, once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._listeners: list[Listener] = []
        self._seen: dict[int, None] = {}
        self._last = 0
        self._summary: tuple[int, int | None] = (0, None)  # what is there when nothing is new
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def listen(self, listener: Listener) -> None:
        """Call `listener(topic, subject)` for every change from now on."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Poll in a thread until `stop`."""
        with reading(self._engine) as connection:
            self._last = connection.scalar(select(Change.id).order_by(Change.id.desc()).limit(1)) or 0
            recent = connection.scalars(select(Change.id).where(Change.id > self._last - OVERLAP))
            self._seen = dict.fromkeys(recent)
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
            with reading(self._engine) as connection:
                if tuple(connection.execute(_SUMMARY, {"after": self._last - OVERLAP}).one()) == self._summary:
                    return
                rows = connection.execute(_ROWS, {"after": self._last - OVERLAP}).all()
            fresh = [row for row in rows if row.id not in self._seen]
            self._last = max(self._last, rows[-1].id if rows else 0)
            self._seen = {row.id: None for row in rows if row.id > self._last - OVERLAP}
            self._summary = len(self._seen), rows[-1].id if rows else None
        for row in fresh:
            for listener in self._listeners:
                listener(row.topic, row.subject)

    def _run(self) -> None:
        while not self._stopped.wait(POLL_INTERVAL):
            try:
                self.poll()
            except SQLAlchemyError as error:
                log.warning("could not read changes: %s", type(error).__name__)
