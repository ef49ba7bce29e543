"""What only several processes show."""

import threading
import time
from collections.abc import Callable

import pytest
import redis

from fleet.backplane import Reader, Result
from fleet.backplane.redis import RedisLive
from fleet.errors import Unavailable

Pair = tuple[RedisLive, RedisLive]


def wait(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.005)


def result(campaign_id: int, host_id: int) -> Result:
    return Result(campaign_id, host_id, "h", "H", [{"a": "1"}])


def taken(process: RedisLive, answer: Result) -> bool:
    """Whether a result was taken; one that cannot be carried just now is no sign that nobody reads."""
    try:
        assert process.publish(answer), "a reader that has not found its way back counts as gone"
    except Unavailable:
        return False
    return True


def test_what_one_process_starts_another_asks_within_a_moment(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1, 2])
    wait(lambda: other.due(1) == {7: "SELECT 1"})
    one.stop(7)
    wait(lambda: other.due(1) == {})


def test_a_result_taken_in_one_process_reaches_the_reader_in_another(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1])
    wait(lambda: other.due(1) != {})
    reader = one.read(7)
    assert other.publish(result(7, 1)) is True
    assert reader.next(10) == result(7, 1)
    wait(lambda: one.due(1) == {} and other.due(1) == {})


def test_both_processes_readers_get_it(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1])
    readers = [one.read(7), other.read(7)]
    assert one.publish(result(7, 1))
    assert [reader.next(10) for reader in readers] == [result(7, 1)] * 2


def test_a_reader_that_left_another_process_is_not_counted(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1])
    one.read(7).close()
    assert other.publish(result(7, 1)) is False
    wait(lambda: other.due(1) != {})


def test_a_reader_whose_process_vanished_is_not_counted_once_its_lease_is_over(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    monkeypatch.setattr("fleet.backplane.redis.LEASE", 2)
    monkeypatch.setattr("fleet.backplane.redis.PATIENCE", 2)
    monkeypatch.setattr(one, "_renew", lambda: None)  # frozen: the connection stays, nobody reads
    one.start(7, "SELECT 1", [1])
    one.read(7)
    said: list[str] = []

    def gone() -> bool:
        try:
            said.append("heard" if other.publish(result(7, 1)) else "nobody")
        except Unavailable:
            said.append("out of reach")
        return said[-1] == "nobody"

    wait(gone, 20)
    assert list(dict.fromkeys(said)) == ["heard", "out of reach", "nobody"]


def test_a_reader_is_counted_for_as_long_as_it_reads(
    pair: Pair, valkey: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.backplane.redis.LEASE", 1)
    monkeypatch.setattr("fleet.backplane.redis.RENEW", 0.2)
    reads = RedisLive(valkey, name)
    pair[0].start(7, "SELECT 1", [1])
    reader = reads.read(7)
    time.sleep(2.1)  # longer than the lease
    wait(lambda: taken(pair[0], result(7, 1)))
    assert reader.next(10) == result(7, 1)
    reads.close()


def test_a_reader_that_comes_as_another_leaves_is_heard_of(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = pair
    came: list[Reader] = []
    leave = one._left

    def meanwhile(campaign_id: int) -> None:
        came.append(one.read(campaign_id))
        leave(campaign_id)

    one.start(7, "SELECT 1", [1])
    monkeypatch.setattr(one, "_left", meanwhile)
    one.read(7).close()
    assert other.publish(result(7, 1)) is True
    assert came[0].next(10) == result(7, 1)


def test_a_process_that_starts_later_knows_what_runs(pair: Pair, valkey: str, name: str) -> None:
    pair[0].start(7, "SELECT 1", [1, 2])
    late = RedisLive(valkey, name)
    assert late.due(2) == {7: "SELECT 1"}
    late.close()


def test_two_servers_on_one_redis_do_not_hear_each_other(pair: Pair, valkey: str) -> None:
    stranger = RedisLive(valkey, "another server")
    reader = stranger.read(7)
    pair[0].start(7, "SELECT 1", [1])
    assert pair[0].publish(result(7, 1)) is False
    assert stranger.due(1) == {}
    assert reader.next(0.1) is None
    stranger.close()


def test_what_was_missed_is_made_good(pair: Pair, valkey: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.backplane.redis.RESYNC", 0.2)
    misses = RedisLive(valkey, name)
    pair[0].start(7, "SELECT 1", [1, 2])
    wait(lambda: misses.due(1) != {})
    misses._due.stop(7)  # as if the news had been lost
    misses._due.start(8, "SELECT 2", [2])
    wait(lambda: misses.due(1) == misses.due(2) == {7: "SELECT 1"})
    misses.close()


def test_what_arrived_is_not_asked_again_because_redis_was_not_told(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1])
    reader = one.read(7)
    tell, failed = one._acknowledge, threading.Event()

    def fail_once() -> None:
        if failed.is_set():
            return tell()
        failed.set()
        raise redis.ConnectionError("cut")

    monkeypatch.setattr(one, "_acknowledge", fail_once)
    assert other.publish(result(7, 1))
    assert reader.next(10) == result(7, 1)
    wait(lambda: failed.is_set() and not one._received)
    assert one._members(one._key("flight", 7)) == one._members(one._key("hosts", 7)) == set()
    assert reader.next(0.05) is None


def test_a_stranger_on_the_channel_does_no_harm(pair: Pair) -> None:
    for junk in (
        b"nonsense",
        b"[]",
        b"[1]",
        b'["start"]',
        b'["done", 7]',
        b'["result", 7]',
        b'["result", 7, 1, "h", "H", 3]',
        b"{}",
        b'["start", null]',
    ):
        pair[0]._redis.publish(pair[0]._news, junk)
    pair[0].start(7, "SELECT 1", [1])
    wait(lambda: pair[1].due(1) != {})


def test_starting_without_redis_does_not_stop_the_process() -> None:
    live = RedisLive("redis://127.0.0.1:9", "none")
    assert live.due(1) == {}
    with pytest.raises(Unavailable):
        live.read(7)
    live.close()


def test_a_result_that_cannot_be_said_harms_no_other(pair: Pair) -> None:
    one, other = pair
    reader = one.read(7)
    with pytest.raises(TypeError):
        other.publish(Result(7, 1, "h", "H", [{"a": "\ud800"}]))
    assert other.publish(result(7, 2)) is True
    assert reader.next(10) == result(7, 2)


def test_a_process_that_ends_gives_up_its_leases(pair: Pair, valkey: str, name: str) -> None:
    ends = RedisLive(valkey, name)
    pair[0].start(7, "SELECT 1", [1])
    ends.read(7)
    ends.close()
    assert pair[0].publish(result(7, 1)) is False
