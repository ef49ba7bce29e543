"""An agent that does one thing at a time and only when told: for tests and for looking at a server."""

import http.client
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from fleet.schema import Result

from . import distributed, protocol
from .agent import user_agent
from .engine import Engine
from .flags import Flags
from .logger import KINDS
from .machine import Machine
from .osqueryd import Osqueryd

Post = Callable[[str, bytes, Mapping[str, str]], tuple[int, bytes]]


def over_http(url: str, *, tls: ssl.SSLContext | None = None, timeout: float = 30.0) -> Post:
    """Posts to a server over the network, each time on a new connection."""
    parts = urlsplit(url)

    def post(path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=tls)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
        try:
            connection.request("POST", parts.path.rstrip("/") + path, body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    return post


class Node:
    """enroll(), config(), read(), write(), log(), or check_in() for all of it. Raises Refused."""

    def __init__(
        self,
        post: Post,
        secret: str,
        machine: Machine,
        *,
        flags: Flags | None = None,
        engine: Engine | None = None,
    ) -> None:
        """`post(path, body, headers) -> (status, body)` may be over_http(url), or a test client's."""
        self.osqueryd = Osqueryd(machine, engine or Engine(), flags)
        self.node_key = ""
        self._post = post
        self._secret = secret

    def enroll(self) -> str:
        """Enroll and keep the node key."""
        body = self._send(protocol.ENROLL, self.osqueryd.enroll_body(self._secret))
        self.node_key = protocol.node_key(body)
        return self.node_key

    def config(self) -> bytes:
        """Fetch the configuration and obey it."""
        body = self._send(protocol.CONFIG, protocol.only_key(self.node_key))
        self.osqueryd.configure(body)
        return body

    def read(self) -> distributed.Work:
        """What the server wants to know now."""
        return distributed.read(self._send(protocol.READ, protocol.only_key(self.node_key)))

    def write(self, answers: distributed.Answers) -> None:
        """Send answers, also made-up ones."""
        self._send(protocol.WRITE, answers.body(self.node_key))

    def check_in(self) -> distributed.Work:
        """Enroll if need be, read, run everything, write if there is anything to say."""
        if not self.node_key:
            self.enroll()
        work = self.read()
        answers = self.osqueryd.answer(work)
        if answers.queries:
            self.write(answers)
        return work

    def log(self) -> int:
        """Send all buffered log lines; how many they were."""
        sent = 0
        for kind in KINDS:
            while batch := self.osqueryd.logger.batch(kind, 1024):
                plain = batch.body(protocol.quoted(self.node_key))
                body, gzipped = protocol.compressed(plain, self.osqueryd.flags.on("logger_tls_compress"))
                self._send(protocol.LOG, body, gzipped=gzipped)
                self.osqueryd.logger.acknowledge(batch)
                sent += len(batch.lines)
        return sent

    def run(self, sql: str) -> Result:
        """The machine's own answer to SQL; raises Failed."""
        return self.osqueryd.run(sql)

    def _send(self, path: str, body: bytes, *, gzipped: bool = False) -> bytes:
        headers = {"Content-Type": "application/json", "User-Agent": user_agent()}
        if gzipped:
            headers["Content-Encoding"] = "gzip"
        return protocol.check(*self._post(path, body, headers))
