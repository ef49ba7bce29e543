"""The thread pool: bounded, and not to be killed by its jobs."""

import threading
import time

import pytest

from fleet.server import pool
from fleet.server.pool import Pool


def test_jobs_past_the_bound_are_turned_away() -> None:
    jobs, go = Pool("test", threads=2, waiting=1), threading.Event()
    assert [jobs.submit(lambda: (go.wait(5), None)[1]) for _ in range(4)] == [True, True, True, False]
    go.set()


def test_a_job_that_raises_costs_no_thread_and_no_place() -> None:
    jobs, done = Pool("test", threads=1, waiting=0), threading.Event()

    def fail() -> None:
        raise KeyError("a bug")

    for _ in range(5):
        while not jobs.submit(fail):
            time.sleep(0.001)
    while not jobs.submit(done.set):
        time.sleep(0.001)
    assert done.wait(5)


def test_idle_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    jobs = Pool("idle-test", threads=5, waiting=0)
    for _ in range(5):
        assert jobs.submit(lambda: time.sleep(0.02))
    deadline = time.monotonic() + 5
    while any(thread.name == "idle-test" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    done = threading.Event()
    assert jobs.submit(done.set)
    assert done.wait(5)


def test_a_job_that_comes_as_its_thread_gives_up_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.0005)
    jobs = Pool("test", threads=1, waiting=1)
    for _ in range(1000):
        done = threading.Event()
        assert jobs.submit(done.set)
        assert done.wait(5)
        time.sleep(0.0005)


def test_the_thread_that_was_busy_last_works_next() -> None:
    jobs, together = Pool("test", threads=3, waiting=0), threading.Barrier(4)
    for _ in range(3):
        assert jobs.submit(lambda: (together.wait(5), None)[1])
    together.wait(5)
    workers = []
    for _ in range(5):
        while len(jobs._idle) < 3:
            time.sleep(0.001)
        done = threading.Event()
        assert jobs.submit(lambda done=done: (workers.append(threading.get_ident()), done.set())[1])
        assert done.wait(5)
    assert len(set(workers)) == 1
