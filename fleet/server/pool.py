"""Threads for blocking work, made when needed, with a bound on how much may wait."""

import queue
import threading
from collections.abc import Callable

from fleet.server.boundary import Boundary

IDLE_SECONDS = 60.0


class Pool:
    """At most `threads` threads; `waiting` more jobs may queue for them. Idle threads end after a minute.

    The threads are daemons: a job that never ends can't hold up the end of the process.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._name = name
        self._most_threads = threads
        self._most_jobs = threads + waiting
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._unfinished = 0

    def submit(self, job: Callable[[], None]) -> bool:
        """Run the job in a thread, soon. False: too much is waiting already, and it will not run."""
        with self._lock:
            if self._unfinished >= self._most_jobs:
                return False
            self._unfinished += 1
            grow = self._unfinished > self._threads and self._threads < self._most_threads
            if grow:
                self._threads += 1
        self._jobs.put(job)
        if grow:
            threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return True

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._unfinished < self._threads:
                        self._threads -= 1
                        return
                continue
            with Boundary("a job in the thread pool"):
                job()
            del job  # or the idle thread would keep alive all that the last request held
            with self._lock:
                self._unfinished -= 1
