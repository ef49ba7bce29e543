"""Servers for the tests: the site on uvicorn, with and without TLS, and on gunicorn."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.server.wire import read, request

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A server process and where to find it."""

    process: subprocess.Popen[bytes]
    port: int
    trace: Path
    log: Path
    scheme: str = "http"
    cert: Path | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def events(self) -> list[str]:
        return self.trace.read_text().splitlines() if self.trace.exists() else []

    def wait_for(self, start: str, seconds: float = 10) -> str:
        """The first event that begins so. Tests share the server: what they wait for bears their `name`."""
        deadline = time.monotonic() + seconds
        while not (found := [event for event in self.events() if event.startswith(start)]):
            assert time.monotonic() < deadline, f"{start!r} not in {self.events()}"
            time.sleep(0.02)
        return found[0]

    def go(self, name: str) -> None:
        """Let what waits for this name go on."""
        with self.connect() as connection:
            connection.sendall(request("POST", "/agents/memory", body=f"go {name}".encode()))
            assert read(connection).status == 200

    @contextlib.contextmanager
    def logging(self) -> Iterator[list[str]]:
        """The lines it logs meanwhile; the log itself is shared by every test of the process."""
        lines: list[str] = []
        start = self.log.stat().st_size
        yield lines
        lines += self.log.read_bytes()[start:].decode().splitlines()

    def rss(self) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024


@contextlib.contextmanager
def running(folder: Path, *pair: Path, command: list[str] | None = None) -> Iterator[Running]:
    """The site in a process of its own, ready."""
    port, trace, log = free_port(), folder / "trace", folder / "log"
    arguments = command or [sys.executable, "-m", "tests.server.site", str(port), str(trace)]
    arguments = [part.replace("PORT", str(port)) for part in arguments] + [str(path) for path in pair]
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, cwd=ROOT, stdout=output, stderr=output, env=os.environ)
    server = Running(process, port, trace, log, "https" if pair else "http", pair[0] if pair else None)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), server.connect():
                break
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site on uvicorn, in the clear."""
    with running(tmp_path_factory.mktemp("uvicorn")) as server:
        yield server


@pytest.fixture(scope="session")
def uvicorn_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site on uvicorn with a certificate of its own."""
    from fleet.server.tls import ensure_certificate

    folder = tmp_path_factory.mktemp("uvicorn-tls")
    with running(folder, *ensure_certificate(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site on gunicorn's threads."""
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "16"]
    command += ["--no-control-socket", "--bind", "127.0.0.1:PORT", "tests.server.site:create_wsgi()"]
    with running(tmp_path_factory.mktemp("gunicorn"), command=command) as server:
        yield server


def impatiently(folder: Path) -> contextlib.AbstractContextManager[Running]:
    """The site in a process of its own, which gives everybody half a second only."""
    return running(folder, command=[sys.executable, "-m", "tests.server.impatient", "PORT", str(folder / "trace")])


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The site, which gives everybody half a second only."""
    with impatiently(tmp_path_factory.mktemp("impatient")) as server:
        yield server


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return secrets.token_hex(4)


@pytest.fixture(params=["uvicorn", "gunicorn"])
def either(request: pytest.FixtureRequest) -> Running:
    """The site on each server in turn: what agents and pages see is the same."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, Running)
    return server
