"""One thread writes in batches what needs no transaction of its own: when hosts and sessions were seen."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from fleet import clock

log = logging.getLogger(__name__)

INTERVAL = 1.0

Write = Callable[[Connection, Mapping[int, datetime]], None]
"""Writes moments by id, in the order of the ids."""


class Batch:
    """Remembers the last moment by kind and id, and writes them once a second."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writes: dict[str, Write] = {}
        self._moments: dict[str, dict[int, datetime]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batch", daemon=True)

    def add(self, kind: str, write: Write) -> None:
        """Say how the moments of a kind are written."""
        self._writes[kind] = write
        self._moments[kind] = {}

    def seen(self, kind: str, subject: int) -> None:
        """Something was seen now. No lock: one dict assignment."""
        self._moments[kind][subject] = clock.now()

    def last(self, kind: str, subject: int) -> datetime | None:
        """The moment that is not yet written, if there is one."""
        return self._moments.get(kind, {}).get(subject)

    def start(self) -> None:
        """Write once a second until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and write the rest."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self.flush()

    def flush(self) -> None:
        """Write now; what cannot be written is kept for the next time."""
        with self._lock:
            for kind, write in self._writes.items():
                taken, self._moments[kind] = self._moments[kind], {}
                if not taken:
                    continue
                try:
                    with self._engine.begin() as connection:
                        write(connection, dict(sorted(taken.copy().items())))
                except SQLAlchemyError as error:
                    log.warning("could not write %s: %s", kind, type(error).__name__)
                    self._moments[kind] = taken | self._moments[kind]

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.flush()
