"""Threads for blocking work, made when needed, with a bound on how much may wait."""

import threading
from collections import deque
from collections.abc import Callable

from fleet.server.boundary import Boundary

IDLE_SECONDS = 60.0

Job = Callable[[], None]


class Worker:
    """A thread, and what it is to do next."""

    __slots__ = ("job", "wake")

    def __init__(self, job: Job) -> None:
        self.job: Job | None = job
        self.wake = threading.Lock()
        self.wake.acquire()


class Pool:
    """At most `threads` threads; `waiting` more jobs may queue for them. Idle threads end after a minute.

    The thread that was busy last works next: what it touches is still in the processor's cache, and the others get
    their minute. All are daemons: a job that never ends can't hold up the end of the process.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._name = name
        self._most_threads = threads
        self._most_waiting = waiting
        self._lock = threading.Lock()
        self._threads = 0
        self._idle: list[Worker] = []
        self._waiting: deque[Job] = deque()

    def submit(self, job: Job) -> bool:
        """Run the job in a thread, soon. False: too much is waiting already, and it will not run."""
        with self._lock:
            if self._idle:
                worker = self._idle.pop()
                worker.job = job
                worker.wake.release()
                return True
            if self._threads >= self._most_threads:
                if len(self._waiting) >= self._most_waiting:
                    return False
                self._waiting.append(job)
                return True
            self._threads += 1
        threading.Thread(target=self._work, args=(Worker(job),), name=self._name, daemon=True).start()
        return True

    def _work(self, worker: Worker) -> None:
        while worker.job is not None:
            with Boundary("a job in the thread pool"):
                worker.job()
            worker.job = None  # or an idle thread would keep alive all that the last request held
            with self._lock:
                if self._waiting:
                    worker.job = self._waiting.popleft()
                    continue
                self._idle.append(worker)
            if not worker.wake.acquire(timeout=IDLE_SECONDS):
                self._retire(worker)

    def _retire(self, worker: Worker) -> None:
        with self._lock:
            if worker.job is None:  # else a job came at the last moment
                self._idle.remove(worker)
                self._threads -= 1
            else:
                worker.wake.acquire()
