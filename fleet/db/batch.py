"""One thread writes in batches what needs no transaction of its own: when hosts and sessions were seen."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from fleet import clock

log = logging.getLogger(__name__)

INTERVAL = 1.0

Write = Callable[[Connection, Sequence[int], datetime], None]
"""Writes one moment for some ids, which ascend."""


class Batch:
    """Remembers by kind whose id was seen, and writes once a second that it was."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writes: dict[str, Write] = {}
        self._seen: dict[str, set[int]] = {}
        self._unwritten: dict[str, dict[int, datetime]] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="batch", daemon=True)

    def add(self, kind: str, write: Write) -> None:
        """Say how the moments of a kind are written."""
        self._writes[kind] = write
        self._seen[kind] = set()
        self._unwritten[kind] = {}

    def seen(self, kind: str, subject: int) -> None:
        """Something was seen now, to the second. No lock, and no clock: agents do little more than call this."""
        self._seen[kind].add(subject)

    def last(self, kind: str, subject: int) -> datetime | None:
        """The moment that is not yet written, if there is one."""
        if subject in self._seen.get(kind, ()):
            return clock.now()
        return self._unwritten.get(kind, {}).get(subject)

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
                taken, self._seen[kind] = self._seen[kind], set()
                unwritten = self._unwritten[kind] = self._unwritten[kind] | dict.fromkeys(taken.copy(), clock.now())
                try:
                    for moment, subjects in _by_moment(unwritten).items():
                        with self._engine.begin() as connection:
                            write(connection, subjects, moment)
                        self._unwritten[kind] = {
                            subject: at for subject, at in self._unwritten[kind].items() if at != moment
                        }
                except SQLAlchemyError as error:
                    log.warning("could not write %s: %s", kind, type(error).__name__)
                # Somebody may have had the set in hand while it was taken.
                self._seen[kind] |= taken.difference(unwritten)

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self.flush()


def _by_moment(moments: dict[int, datetime]) -> dict[datetime, list[int]]:
    grouped: dict[datetime, list[int]] = defaultdict(list)
    for subject in sorted(moments):
        grouped[moments[subject]].append(subject)
    return grouped
