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

import requests
from websocket import ABNF, create_connection

from tests.ports import free_port
from tests.server.conftest import ROOT, Running, running
from tests.server.wire import read, request


def start(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.server.site", *[str(part) for part in arguments]]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


def test_sigterm_lets_requests_end_closes_sockets_and_flushes(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        idle, silent = server.connect(), server.connect()
        idle.sendall(request("GET", "/hello"))
        assert read(idle).status == 200
        listening = create_connection(f"ws://127.0.0.1:{server.port}/ws/join", timeout=10)
        assert listening.recv() == "joined"
        deaf = create_connection(f"ws://127.0.0.1:{server.port}/ws/flood", timeout=10)
        answers: list[str] = []
        slow = threading.Thread(target=lambda: answers.append(requests.get(f"{server.url}/slow", timeout=10).text))
        slow.start()
        server.wait_for("slow began")
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code, frame = listening.recv_data_frame(control_frame=True)
        assert (code, int.from_bytes(frame.data[:2], "big")) == (ABNF.OPCODE_CLOSE, 1001)
        slow.join()
        assert server.process.wait(10) == 0
        assert time.monotonic() - began < 4
        assert answers == ["done"]
        assert server.events()[-1] == "flushed"
        assert "left 1001" in server.events()
        assert "Traceback" not in server.log.read_text()
        for connection in (idle, silent, deaf):
            connection.close()


def test_sigint_in_the_middle_of_load_loses_no_answer(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        broken: list[str] = []
        stopped = threading.Event()

        def ask() -> None:
            # A request that was read must be answered; a connection closed between requests is no loss.
            while not stopped.is_set():
                with contextlib.suppress(ConnectionRefusedError), server.connect() as connection:
                    for _ in range(20):
                        try:
                            connection.sendall(request("POST", "/agents/thread", body=b"slow"))
                            first = connection.recv(1)
                        except ConnectionError:
                            break
                        if not first:
                            break
                        if b"peer" not in connection.recv(65536):
                            broken.append("half an answer")

        askers = [threading.Thread(target=ask) for _ in range(8)]
        for asker in askers:
            asker.start()
        time.sleep(0.3)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 0
        stopped.set()
        for asker in askers:
            asker.join()
        assert broken == []
        assert server.events()[-1] == "flushed"


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = start(port, tmp_path / "trace")
    assert result.returncode == 1
    assert result.stderr.strip() == f"fleet: can't listen on 127.0.0.1:{port}: Address already in use"


def test_a_second_server_does_not_share_the_port_of_the_first(uvicorn: Running, tmp_path: Path) -> None:
    assert start(uvicorn.port, tmp_path / "other").returncode == 1


def test_the_address_to_open_is_logged(uvicorn: Running) -> None:
    deadline = time.monotonic() + 5
    while f"serving at http://127.0.0.1:{uvicorn.port}\n" not in uvicorn.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "uvicorn" not in uvicorn.log.read_text().partition("serving at")[0]


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
        assert not plain.recv(100).startswith(b"HTTP")


def test_the_file_limit_is_raised(uvicorn: Running) -> None:
    limits = Path(f"/proc/{uvicorn.process.pid}/limits").read_text()
    soft, hard = next(line for line in limits.splitlines() if "open files" in line).split()[3:5]
    assert int(soft) == min(65_536, int(hard))


def test_all_addresses_means_ipv4_and_ipv6_alike(tmp_path: Path) -> None:
    port = free_port()
    code = f"""
from tests.server.site import create_site
from fleet.server.serve import serve
serve(create_site(), host="", port={port}, cert=None, key=None)
"""
    with running(tmp_path, command=[sys.executable, "-c", code.replace(str(port), "PORT")]) as server:
        told = requests.get(f"http://127.0.0.1:{server.port}/environ", timeout=5).json()
        assert told["environ"]["REMOTE_ADDR"] == "127.0.0.1"
        if socket.has_ipv6:
            with contextlib.suppress(OSError):
                assert requests.get(f"http://[::1]:{server.port}/hello", timeout=5).text == "ok"
