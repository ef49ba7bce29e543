"""Slow clients and slow ends: nobody holds a thread, a socket or the process for ever."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from websocket import create_connection

from tests.server.conftest import Running, running
from tests.server.wire import read, request


def start(folder: Path) -> AbstractContextManager[Running]:
    command = [sys.executable, "-m", "tests.server.impatient", "PORT", str(folder / "trace")]
    return running(folder, command=command)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site, which gives everybody half a second only."""
    with start(tmp_path_factory.mktemp("impatient")) as server:
        yield server


@pytest.mark.parametrize("path", ["/upload", "/agents/memory"])
@pytest.mark.parametrize("sent", [b"", b"x" * 1000, b"x" * 65_000])
def test_a_body_that_does_not_come_is_a_408(impatient: Running, path: str, sent: bytes) -> None:
    with impatient.connect() as connection:
        began = time.monotonic()
        connection.sendall(request("POST", path, f"Content-Length: {len(sent) + 400}") + sent)
        assert read(connection).status == 408
        assert 0.4 < time.monotonic() - began < 3


def test_an_upload_that_stalls_in_flask_is_a_408_and_frees_its_thread(impatient: Running) -> None:
    with impatient.connect() as connection:
        connection.sendall(request("POST", "/upload", "Content-Length: 1000000") + b"x" * 500_000)
        assert read(connection).status == 408
    assert "Traceback" not in impatient.log.read_text()


def test_a_download_that_nobody_reads_is_cut_and_frees_its_thread(impatient: Running) -> None:
    with impatient.connect() as connection:
        connection.sendall(request("GET", "/stream"))
        deadline = time.monotonic() + 5
        while not any(event.startswith("stream ended") for event in impatient.events()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with pytest.raises((EOFError, ConnectionError)):
            read(connection)


def test_a_socket_that_nobody_reads_is_closed_with_1013(impatient: Running) -> None:
    socket = create_connection(f"ws://127.0.0.1:{impatient.port}/ws/flood", timeout=10)
    impatient.wait_for("flood closed 1013")
    socket.shutdown()


def test_a_request_that_never_ends_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with start(tmp_path) as server, server.connect() as connection:
        connection.sendall(request("GET", "/slow"))
        server.wait_for("slow began")
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert server.process.wait(10) == 0
        assert time.monotonic() - began < 2
        assert server.events()[-1] == "flushed"
        assert "Traceback" not in server.log.read_text()
