"""What one process changes, the others drop from memory."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from fleet import clock
from fleet.db import changes
from fleet.db.changes import Watcher
from fleet.runtime import Runtime


def watcher_of(runtime: Runtime) -> tuple[Watcher, list[tuple[str, int]]]:
    watcher, heard = Watcher(runtime.engine), []
    watcher.listen(lambda topic, subject: heard.append((topic, subject)))
    watcher.start()
    return watcher, heard


def test_every_watcher_hears_each_change_once(runtime: Runtime) -> None:
    first, heard_first = watcher_of(runtime)
    second, heard_second = watcher_of(runtime)
    with runtime.engine.begin() as connection:
        changes.announce(connection, changes.HOST, 7, 8)
        changes.announce(connection, changes.CONFIG)
    for watcher in (first, second, first):
        watcher.poll()
    assert heard_first == heard_second == [("host", 7), ("host", 8), ("config", 0)]
    first.stop(), second.stop()


def test_a_watcher_looks_by_itself(runtime: Runtime) -> None:
    watcher, heard = Watcher(runtime.engine), threading.Event()
    watcher.listen(lambda topic, subject: heard.set())
    watcher.start()
    with runtime.engine.begin() as connection:
        changes.announce(connection, changes.HOST, 7)
    assert heard.wait(30)
    watcher.stop()


def test_what_was_rolled_back_is_not_heard(runtime: Runtime) -> None:
    watcher, heard = watcher_of(runtime)
    connection = runtime.engine.connect()
    changes.announce(connection, changes.HOST, 7)
    connection.rollback()
    connection.close()
    watcher.poll()
    assert heard == []
    watcher.stop()


def test_what_a_slow_transaction_says_is_heard_once_however_much_came_meanwhile(runtime: Runtime) -> None:
    if runtime.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    watcher, heard = watcher_of(runtime)
    with runtime.engine.connect() as slow, runtime.engine.connect() as undone:
        changes.announce(slow, changes.HOST, *range(1, 301))
        changes.announce(undone, changes.CONFIG)
        for subject in range(301, 501):
            with runtime.engine.begin() as connection:
                changes.announce(connection, changes.HOST, subject)
            if subject == 400:
                undone.rollback()
                watcher.poll()
        late = Watcher(runtime.engine)
        late.listen(lambda topic, subject: heard_late.append(subject))
        heard_late: list[int] = []
        late.start()
        slow.commit()
    watcher.poll(), watcher.poll(), late.poll()
    assert sorted(subject for _, subject in heard) == list(range(1, 501))
    assert heard_late == list(range(1, 301)), "what began before a process started and ended after"
    watcher.stop(), late.stop()


def test_changes_after_the_old_ones_were_forgotten_are_heard(runtime: Runtime) -> None:
    watcher, heard = watcher_of(runtime)
    with runtime.engine.begin() as connection:
        changes.announce(connection, changes.HOST, 1)
    watcher.poll()
    with runtime.engine.begin() as connection:
        connection.execute(changes.Change.__table__.delete())
    with runtime.engine.begin() as connection:
        changes.announce(connection, changes.HOST, 2)
    watcher.poll()
    assert heard == [("host", 1), ("host", 2)]
    watcher.stop()


def test_old_changes_are_forgotten_and_young_ones_kept(runtime: Runtime) -> None:
    with runtime.engine.begin() as connection:
        changes.announce(connection, changes.HOST, 1, 2)
        connection.execute(
            update(changes.Change)
            .where(changes.Change.subject == 1)
            .values(created_at=clock.now() - timedelta(hours=2))
        )
        changes.forget(connection)
        assert connection.scalars(select(changes.Change.subject)).all() == [2]
