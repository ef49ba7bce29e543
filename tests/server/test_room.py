"""What the server takes on at once is bounded; past that it says so, and takes more once there is room again."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from websocket import WebSocketBadStatusException, create_connection

from tests.server.conftest import Running, running
from tests.server.wire import Answer, read, request

MEMORY, THREAD, LOG = "/agents/memory", "/agents/thread", "/agents/log"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site with room for one of everything, 1 MB of bodies and 20 connections."""
    folder = tmp_path_factory.mktemp("small")
    command = [sys.executable, "-m", "tests.server.small", "PORT", str(folder / "trace")]
    with running(folder, command=command) as server:
        yield server


def ask(server: Running, data: bytes) -> Answer:
    with server.connect() as connection:
        connection.sendall(data)
        return read(connection)


def wait(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("path", [THREAD, LOG, "/wait"])
def test_whom_no_thread_will_have_time_for_is_told_to_come_again(small: Running, name: str, path: str) -> None:
    def asked() -> bytes:
        pages = path == "/wait"
        return request("GET", f"/wait/{name}") if pages else request("POST", path, body=f"wait {name}".encode())

    with small.connect() as works, small.connect() as waits:
        works.sendall(asked())
        small.wait_for(f"waiting {name}")
        waits.sendall(asked())
        refused = ask(small, asked())
        assert (refused.status, refused.header("retry-after")) == (503, "5" if path == "/wait" else None)
        assert "too much is waiting" in refused.json()["errors"][0]["reason"]  # type: ignore[index]
        for other in {MEMORY, THREAD, LOG} - {path}:
            assert ask(small, request("POST", other, body=b"{}")).status == 200
        small.go(name)
        assert (read(works).status, read(waits).status) == (200, 200)
    assert ask(small, asked()).status == 200


def test_a_socket_too_many_is_refused_before_it_opens(small: Running, name: str) -> None:
    url = f"ws://127.0.0.1:{small.port}/ws/join?name={name}"
    first = create_connection(url, timeout=10)
    assert first.recv() == "joined"
    with pytest.raises(WebSocketBadStatusException) as refused:
        create_connection(url, timeout=10)
    assert refused.value.status_code == 503
    first.close()
    small.wait_for(f"{name} left")

    def joins() -> bool:
        with contextlib.suppress(WebSocketBadStatusException):
            socket = create_connection(url, timeout=10)
            assert socket.recv() == "joined"
            socket.close()
            return True
        return False

    wait(joins)


@pytest.mark.parametrize("leave", [True, False])
def test_bodies_that_are_too_much_to_hold_are_refused_until_others_are_done(small: Running, leave: bool) -> None:
    part = b"x" * 600_000
    with small.connect() as first:
        first.sendall(request("POST", THREAD, f"Content-Length: {len(part) + 2}") + part)
        wait(lambda: ask(small, request("POST", THREAD, body=part)).status == 503)
        assert ask(small, request("POST", MEMORY, body=b"{}")).status == 200
        if not leave:
            first.sendall(b"xx")
            assert read(first).json()["size"] == len(part) + 2
    wait(lambda: ask(small, request("POST", THREAD, body=part)).status == 200)


def test_connections_past_the_bound_are_cut_and_the_others_stay(small: Running) -> None:
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(small.connect()) for _ in range(30)]
        answered = 0
        for connection in connections:
            with contextlib.suppress(ConnectionError, EOFError):
                connection.sendall(request("POST", MEMORY, body=b"{}"))
                answered += read(connection).status == 200
        assert 15 <= answered <= 20
    wait(lambda: ask(small, request("POST", MEMORY, body=b"{}")).status == 200)
