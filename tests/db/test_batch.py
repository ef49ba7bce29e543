"""Moments are written in batches, and none is lost when a write fails."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from fleet import clock
from fleet.db.batch import Batch
from fleet.runtime import Runtime

Written = list[tuple[list[int], datetime]]


def batch_into(runtime: Runtime, written: Written, *, failures: int = 0) -> Batch:
    left = failures

    def write(_connection: Connection, subjects: Sequence[int], moment: datetime) -> None:
        nonlocal left
        if left:
            left -= 1
            raise OperationalError("", {}, Exception("away"))
        written.append((list(subjects), moment))

    batch = Batch(runtime.engine)
    batch.add("seen", write)
    return batch


def test_each_is_written_once_in_order_with_the_moment(runtime: Runtime) -> None:
    written: Written = []
    batch = batch_into(runtime, written)
    before = clock.now()
    for subject in (3, 1, 3):
        batch.seen("seen", subject)
    batch.flush()
    batch.flush()
    ((subjects, moment),) = written
    assert subjects == [1, 3]
    assert before <= moment <= clock.now()


def test_what_is_not_yet_written_is_known(runtime: Runtime) -> None:
    batch = batch_into(runtime, [])
    assert batch.last("seen", 1) is None
    assert batch.last("another kind", 1) is None
    before = clock.now()
    batch.seen("seen", 1)
    last = batch.last("seen", 1)
    assert last is not None
    assert last >= before
    batch.flush()
    assert batch.last("seen", 1) is None


def test_a_failed_write_is_tried_again_with_its_own_moment(runtime: Runtime) -> None:
    written: Written = []
    batch = batch_into(runtime, written, failures=2)
    for subject in (1, 2):
        batch.seen("seen", subject)
    batch.flush()
    kept = batch.last("seen", 1)
    batch.seen("seen", 2)
    batch.flush()
    batch.seen("seen", 3)
    assert batch.last("seen", 1) == kept
    batch.flush()
    assert [subjects for subjects, _ in written] == [[1], [2], [3]]
    moments = [moment for _, moment in written]
    assert moments[0] == kept
    assert moments == sorted(set(moments))
    assert batch.last("seen", 1) is None


def test_stopping_writes_the_rest(runtime: Runtime) -> None:
    written: Written = []
    batch = batch_into(runtime, written)
    batch.start()
    batch.seen("seen", 5)
    batch.stop()
    assert [subjects for subjects, _ in written] == [[5]]
