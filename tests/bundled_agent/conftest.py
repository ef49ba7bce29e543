"""A server of the agents' protocol, small enough to read, over real HTTP on loopback."""

import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.bundled_agent.certificates import self_signed

SECRET = "let me in"
Document = dict[str, Any]


@dataclass
class FakeServer:
    """Plays one script: what to configure, what to ask once, which requests to refuse."""

    url: str = ""
    certificate: str = ""
    config: Document = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)
    discovery: dict[str, str] = field(default_factory=dict)
    accelerate: int = 0
    fail_next: list[int] = field(default_factory=list)
    fail_writes: int = 0
    write_bytes_max: int = 0
    full_disk: bool = False
    chunked: bool = False
    node_keys: set[str] = field(default_factory=set)
    enrolled: list[Document] = field(default_factory=list)
    reads: int = 0
    writes: list[Document] = field(default_factory=list)
    logs: list[Document] = field(default_factory=list)
    gzipped: int = 0
    user_agents: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, what: str, count: int = 1, seconds: float = 15.0) -> None:
        """Return when a list has so many entries."""
        with self.changed:
            assert self.changed.wait_for(lambda: self._count(what) >= count, seconds), f"no {what}"

    def _count(self, what: str) -> int:
        value = getattr(self, what)
        return value if isinstance(value, int) else len(value)

    def forget_nodes(self) -> None:
        """As if every host had been deleted."""
        with self.changed:
            self.node_keys.clear()

    def answer(self, path: str, document: Document) -> tuple[int, Document]:
        """The response to a request."""
        endpoint = path.partition("/osquery/")[2]
        if self.fail_next:
            return self.fail_next.pop(0), {"message": "try later"}
        if endpoint == "enroll":
            return self._enroll(document)
        if document["node_key"] not in self.node_keys:
            return 401, {"error": "invalid node key", "node_invalid": True}
        if endpoint == "config":
            return 200, self.config
        if endpoint == "distributed/read":
            self.reads += 1
            queries, self.questions = self.questions, {}
            work = {"queries": queries, "discovery": {name: self.discovery.get(name, "SELECT 1") for name in queries}}
            return 200, work | ({"accelerate": self.accelerate} if self.accelerate else {})
        if endpoint == "distributed/write" and 0 < self.write_bytes_max < len(json.dumps(document)):
            return 413, {"message": "too large"}
        if endpoint == "log" and self.full_disk:
            return 500, {"error": "no space left on device"}
        if endpoint == "distributed/write" and self.fail_writes:
            self.fail_writes -= 1
            return 500, {"error": "database is locked"}
        (self.writes if endpoint == "distributed/write" else self.logs).append(document)
        return 200, {}

    def _enroll(self, document: Document) -> tuple[int, Document]:
        if document["enroll_secret"] != SECRET:
            return 401, {"error": "enroll failed: no matching secret", "node_invalid": True}
        self.enrolled.append(document)
        key = f"key-{len(self.enrolled)}"
        self.node_keys.add(key)
        return 200, {"node_key": key}


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with fake.changed:
                if self.headers.get("Content-Encoding") == "gzip":
                    fake.gzipped += 1
                    body = gzip.decompress(body)
                fake.user_agents.add(self.headers["User-Agent"])
                status, document = fake.answer(self.path, json.loads(body))
                fake.changed.notify_all()
            self._send(status, json.dumps(document, indent=2).encode())

        def _send(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            if fake.chunked:
                self.send_header("Transfer-Encoding", "chunked")
                content = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (1, content[:1], len(content) - 1, content[1:])
            else:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


class QuietServer(ThreadingHTTPServer):
    """Agents that a test has stopped hang up in the middle of things."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


def _serve(fake: FakeServer, context: ssl.SSLContext | None) -> Iterator[FakeServer]:
    server = QuietServer(("127.0.0.1", 0), _handler(fake))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    fake.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    yield from _serve(FakeServer(), None)


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[FakeServer]:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    yield from _serve(FakeServer(certificate=str(certificate)), context)
