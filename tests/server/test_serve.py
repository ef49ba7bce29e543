"""Starting and ending the server."""

import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from websocket import ABNF, WebSocketBadStatusException, create_connection

from tests.server.conftest import ROOT, Running, running
from tests.server.wire import read, request


def start(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.server.site", *[str(part) for part in arguments]]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_sigterm_lets_requests_end_closes_sockets_and_flushes(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        idle, silent = server.connect(), server.connect()
        idle.sendall(request("GET", "/hello"))
        assert read(idle).status == 200
        listening = create_connection(f"ws://127.0.0.1:{server.port}/ws/join?name=it", timeout=10)
        assert listening.recv() == "joined"
        deaf = create_connection(f"ws://127.0.0.1:{server.port}/ws/flood", timeout=10)
        answers: list[str] = []
        slow = threading.Thread(target=lambda: answers.append(requests.get(f"{server.url}/slow", timeout=10).text))
        slow.start()
        server.wait_for("slow began")
        server.process.send_signal(signal.SIGTERM)
        code, frame = listening.recv_data_frame(control_frame=True)
        assert (code, int.from_bytes(frame.data[:2], "big")) == (ABNF.OPCODE_CLOSE, 1001)
        with pytest.raises((WebSocketBadStatusException, ConnectionError)):
            create_connection(f"ws://127.0.0.1:{server.port}/ws/join", timeout=10)
        slow.join()
        assert server.process.wait(10) == 0
        assert answers == ["done"]
        assert server.events()[-1] == "flushed"
        assert "it left 1001" in server.events()
        logged = server.log.read_text().splitlines()
        assert [line for line in logged if not line.startswith("INFO:")] == [], "nobody was waited for in vain"
        for connection in (idle, silent, deaf):
            connection.close()


def test_sigint_in_the_middle_of_load_loses_no_answer(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        answers: list[object] = []
        stopped = threading.Event()

        def ask() -> None:
            # A request that was read must be answered; a connection closed between requests is no loss.
            while not stopped.is_set():
                with contextlib.suppress(ConnectionError, EOFError), server.connect() as connection:
                    for _ in range(20):
                        connection.sendall(request("POST", "/agents/thread", body=b"slow"))
                        answers.append(read(connection).json()["size"])

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        while len(answers) < 20:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 0
        stopped.set()
        for asker in askers:
            asker.join()
        assert len(answers) == server.events().count("asked slowly")
        assert server.events()[-1] == "flushed"


def test_neither_a_flush_nor_a_thread_that_never_ends_holds_up_the_end(tmp_path: Path) -> None:
    code = """
import threading
from tests.server.site import create_site
from fleet.server.serve import serve
site = create_site()
site.extensions["fleet"].close = threading.Event().wait
threading.Thread(target=threading.Event().wait).start()
serve(site, host="127.0.0.1", port=PORT, cert=None, key=None)
"""
    with running(tmp_path, command=[sys.executable, "-c", code]) as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 1


def test_a_second_server_does_not_share_the_port_of_the_first_and_says_so_in_one_line(
    uvicorn: Running, tmp_path: Path
) -> None:
    result = start(uvicorn.port, tmp_path / "trace")
    assert result.returncode == 1
    assert result.stderr.strip() == f"fleet: can't listen on 127.0.0.1:{uvicorn.port}: Address already in use"


def test_the_address_to_open_is_logged(uvicorn: Running) -> None:
    deadline = time.monotonic() + 5
    while f"serving at http://127.0.0.1:{uvicorn.port}\n" not in uvicorn.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_tls_is_spoken_from_1_2_on_with_the_certificate(uvicorn_tls: Running) -> None:
    cert = str(uvicorn_tls.cert)
    assert requests.get(f"{uvicorn_tls.url}/hello", verify=cert, timeout=5).text == "ok"
    environ = requests.get(f"{uvicorn_tls.url}/environ", verify=cert, timeout=5).json()["environ"]
    assert environ["wsgi.url_scheme"] == "https"
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=cert)
        context.maximum_version = version
        with context.wrap_socket(uvicorn_tls.connect(), server_hostname="localhost") as connection:
            connection.sendall(request("GET", "/hello"))
            assert read(connection).status == 200
    with uvicorn_tls.connect() as plain:
        plain.sendall(request("GET", "/hello"))
        with contextlib.suppress(ConnectionResetError):
            assert not plain.recv(100).startswith(b"HTTP")


def test_the_file_limit_is_raised(tmp_path: Path) -> None:
    few = ["sh", "-c", 'ulimit -Sn 256 && exec "$@"', "few"]
    with running(
        tmp_path, command=[*few, sys.executable, "-m", "tests.server.site", "PORT", str(tmp_path / "trace")]
    ) as server:
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if "open files" in line).split()[3:5]
    assert int(soft) == (65_536 if hard == "unlimited" else min(65_536, int(hard)))


def has_ipv6() -> bool:
    """Whether this machine has it, not only this Python."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_all_addresses_means_ipv4_and_ipv6_alike(tmp_path: Path) -> None:
    code = """
from tests.server.site import create_site
from fleet.server.serve import serve
serve(create_site(), host="", port=PORT, cert=None, key=None)
"""
    with running(tmp_path, command=[sys.executable, "-c", code]) as server:
        for host, peer in (("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"))[: 2 if has_ipv6() else 1]:
            told = requests.get(f"http://{host}:{server.port}/environ", timeout=5).json()
            assert told["environ"]["REMOTE_ADDR"] == peer
