"""Slow clients and slow ends: nobody holds a thread, a socket or the process for ever."""

import contextlib
import signal
import time
from pathlib import Path

import pytest
from websocket import create_connection

from tests.server.conftest import Running, impatiently
from tests.server.wire import read, request


@pytest.mark.parametrize("path", ["/upload", "/agents/memory"])
@pytest.mark.parametrize("sent", [b"", b"x" * 1000, b"x" * 65_000])
def test_a_body_that_does_not_come_is_a_408(impatient: Running, path: str, sent: bytes) -> None:
    with impatient.connect() as connection:
        began = time.monotonic()
        connection.sendall(request("POST", path, f"Content-Length: {len(sent) + 400}") + sent)
        assert read(connection).status == 408
        assert time.monotonic() - began > 0.4


@pytest.mark.parametrize(("path", "patience"), [("/upload", 0.5), ("/agents/thread", 0.5), ("/agents/thread", 2)])
def test_a_body_that_comes_too_slowly_is_a_408(impatient: Running, path: str, patience: float) -> None:
    drop = b"x" if patience < 1 else b"x" * 1000  # the larger ones earn their time, but not for ever
    with impatient.connect() as connection:
        began = time.monotonic()
        connection.sendall(request("POST", path, "Content-Length: 900000"))
        connection.settimeout(0.1)
        data = b""
        while not data and time.monotonic() < began + 10:
            with contextlib.suppress(TimeoutError):
                connection.sendall(drop)
                data = connection.recv(1000)
        assert data.startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began > patience - 0.1


def test_an_upload_that_stalls_in_flask_is_a_408_and_frees_its_thread(impatient: Running, name: str) -> None:
    with impatient.logging() as logged, impatient.connect() as connection:
        connection.sendall(request("POST", f"/upload?name={name}", "Content-Length: 1000000") + b"x" * 500_000)
        assert read(connection).status == 408
        impatient.wait_for(f"upload {name} broke off 408")
    assert logged == []


def test_a_download_that_nobody_reads_is_cut_and_frees_its_thread(impatient: Running, name: str) -> None:
    with impatient.connect() as connection:
        connection.sendall(request("GET", f"/stream?name={name}"))
        impatient.wait_for(f"stream {name} ended")
        with pytest.raises((EOFError, ConnectionError)):
            read(connection)


def test_a_socket_that_nobody_reads_is_closed_with_1013(impatient: Running, name: str) -> None:
    socket = create_connection(f"ws://127.0.0.1:{impatient.port}/ws/flood?name={name}", timeout=10)
    impatient.wait_for(f"flood {name} closed 1013")
    socket.shutdown()


def test_a_request_that_never_ends_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with impatiently(tmp_path) as server, server.connect() as connection:
        connection.sendall(request("GET", "/wait/for-ever"))
        server.wait_for("waiting for-ever")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert server.events()[-1] == "flushed"
        assert "Traceback" not in server.log.read_text()
