"""Moments are written in batches, and none is lost when a write fails."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from fleet.db.batch import Batch
from fleet.runtime import Runtime


def test_the_last_moment_of_each_is_written_in_order_and_once(runtime: Runtime) -> None:
    written: list[Mapping[int, datetime]] = []
    batch = Batch(runtime.engine)
    batch.add("seen", lambda _connection, moments: written.append(moments))
    for subject in (3, 1, 3):
        batch.seen("seen", subject)
    last = batch.last("seen", 3)
    batch.flush()
    batch.flush()
    assert [list(moments) for moments in written] == [[1, 3]]
    assert written[0][3] == last


def test_a_failed_write_is_tried_again_without_forgetting(runtime: Runtime) -> None:
    attempts: list[Mapping[int, datetime]] = []

    def write(_connection: Connection, moments: Mapping[int, datetime]) -> None:
        attempts.append(moments)
        if len(attempts) == 1:
            raise OperationalError("", {}, Exception("away"))

    batch = Batch(runtime.engine)
    batch.add("seen", write)
    batch.seen("seen", 1)
    batch.flush()
    batch.seen("seen", 2)
    batch.flush()
    assert [sorted(moments) for moments in attempts] == [[1], [1, 2]]


def test_stopping_writes_the_rest(runtime: Runtime) -> None:
    written: list[int] = []
    batch = Batch(runtime.engine)
    batch.add("seen", lambda _connection, moments: written.extend(moments))
    batch.start()
    batch.seen("seen", 5)
    batch.stop()
    assert written == [5]
