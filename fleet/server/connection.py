"""A client's connection: uvicorn's HTTP, with bounds, and agents answered where their bytes arrive."""

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fleet.agents.plane import Answer, Caller
from fleet.errors import FleetError
from fleet.server import answers, bodies
from fleet.server.environ import address
from fleet.server.protocol import HeaderList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uvicorn._types import ASGISendEvent

    from fleet.agents.plane import Route
    from fleet.server.listener import Listener

MOST_CONNECTIONS = 40_000
MOST_HEAD = 64 * 1024
MOST_HEADERS = 100
HEAD_SECONDS = 30.0
WHOLE_SECONDS = 120.0
"""For the whole body of an agent."""
IDLE_SECONDS = 620
"""Longer than load balancers keep a connection: it must be they who end it."""
LINGER_SECONDS = 2.0
LINGER_BYTES = 4 * 1024 * 1024
"""How long and how much is read and thrown away, so that a client still sending gets to see its answer."""

log = logging.getLogger("fleet.server")

AGENTS = {
    name.encode(): name
    for name in ("content-encoding", "content-length", "expect", "transfer-encoding", "x-forwarded-for")
}
"""The headers of agents' requests that matter, as bytes and as text."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Refused(Exception):
    """A head that is not taken."""

    def __init__(self, error: FleetError) -> None:
        super().__init__(error)
        self.error = error


class Request:
    """What an agent sends, until it is answered."""

    __slots__ = ("asked", "began", "body", "headers", "keep_alive", "refusal", "route")

    def __init__(self, route: "Route", headers: "Mapping[str, str]", keep_alive: bool) -> None:
        self.route = route
        self.headers = headers
        self.keep_alive = keep_alive
        self.began = 0.0
        self.body: bytes | bytearray = b""
        self.refusal: Answer | None = None
        self.asked = False


class Connection(HttpToolsProtocol):
    """HTTP/1.1 of one client.

    Requests of agents are answered here. All others become tasks of uvicorn, which calls the application. Whoever
    sends the next request before an agent's one is answered gets that answer and has to ask again: no agent does.
    """

    def __init__(
        self, config: Config, server_state: "Listener", app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline = math.inf
        """When the client must have done what is waited for."""
        self._listener = server_state
        self._agents = server_state.agents
        self._request: Request | None = None
        self._in_head = self._in_body = False
        self._again = False  # it offers another protocol: the request is read once more without that
        self._head_size = 0
        self._deaf = False  # what still comes is thrown away, and the next answer is the last
        self._ignored = 0

    @property
    def busy(self) -> bool:
        """Whether an agent waits for an answer."""
        return self._request is not None

    # what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self.deadline = self.loop.time() + HEAD_SECONDS
        if len(self.connections) > MOST_CONNECTIONS:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._request is not None and not self._request.asked:
            self._forget()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return self._ignore(len(data))
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        began = self._in_head
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._again:
                self._without_upgrade(data[upgrade.args[0] :])
            else:
                self.handle_websocket_upgrade()
        except httptools.HttpParserError as error:
            self._fail(error.__context__)
        # Nearly every request comes in one piece; only the others need to be held to the clock.
        if self._in_head:
            self._wait_for_head(len(data) if began else 0)
        elif self._request is not None and not self._request.asked:
            self._wait_for_body(self._request)
        return None

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._request is None and not self._unanswered():
            self.flow.resume_reading()

    # what the parser calls

    def on_message_begin(self) -> None:
        if self._deaf:
            return
        if self._request is not None:
            self._deaf = True
            return
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self._again = False
        self._in_head = True
        self._head_size = self._ignored = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._deaf:
            return
        self._in_head, self._in_body = False, True
        self.deadline = math.inf
        if len(self.headers) > MOST_HEADERS:
            raise Refused(answers.LARGE_HEAD)
        upgrade = self.parser.should_upgrade()
        if upgrade:
            self._lower_headers()
            if not self._should_upgrade():
                if self.parser.get_method() == b"CONNECT":
                    raise Refused(answers.NOT_HTTP)
                self._again = True
                return
        if not self.url.startswith(b"/") and httptools.parse_url(self.url).path is None:
            raise Refused(answers.NOT_HTTP)
        route = None if upgrade else self._agents.route(self.url)
        if route is None:
            self._make_scope()
            super().on_headers_complete()
        elif self._unanswered():
            self.cycle.keep_alive = False
            self._deaf = True
        else:
            self._begin(route)

    def on_body(self, body: bytes) -> None:
        if self._deaf:
            return
        request = self._request
        if request is None:
            super().on_body(body)
            if self.cycle is not None and self.cycle.response_complete:
                self._ignore(len(body))
            return
        if not request.body:
            request.body = body
        else:  # in one piece: a list of chunks of a byte each would take forty times their size
            request.body = bytearray(request.body) if isinstance(request.body, bytes) else request.body
            request.body += body
        if not self._agents.hold(len(body)):
            self._answer(*answers.refusal(answers.BUSY), last=True)
        elif len(request.body) > request.route.cap:
            self._answer(*answers.too_large(request.route.cap), last=True)

    def on_message_complete(self) -> None:
        if self._deaf or self._again:
            return
        self._in_body = False
        request = self._request
        if request is None:
            super().on_message_complete()
            if self.cycle is not None and self.cycle.response_complete:
                self.deadline = self.loop.time() + IDLE_SECONDS
            return
        answer = request.refusal
        if answer is None:
            assert self.client is not None
            caller = Caller(address(self.client[0]), request.headers)
            request.asked = True
            self.deadline = math.inf
            answer = self._agents.ask(request.route, bytes(request.body), caller, self._answered)
        if answer is not None:
            self._answer(*answer)

    # what uvicorn calls

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body:
            self.deadline = self.loop.time() + LINGER_SECONDS

    def handle_websocket_upgrade(self) -> None:
        if self._deaf or self._unanswered():
            self.transport.close()
        else:
            super().handle_websocket_upgrade()

    # what the listener calls

    def shutdown(self) -> None:
        if self._request is None:
            super().shutdown()

    def overdue(self) -> None:
        """End what takes too long."""
        if self._deaf or self.transport.is_closing():
            self.transport.abort()
        elif self._request is not None:
            self._answer(*answers.refusal(answers.SLOW_BODY), last=True)
        elif self._in_head:
            self._hang_up(*answers.refusal(answers.SLOW_HEAD))
        else:
            self.transport.close()
            self.deadline = self.loop.time() + LINGER_SECONDS

    # what is waited for

    def _wait_for_head(self, size: int) -> None:
        """More of a head must come, of which so many bytes came after the first piece."""
        if not size:
            self.deadline = self.loop.time() + HEAD_SECONDS
        self._head_size += size
        if self._head_size > MOST_HEAD:
            self._hang_up(*answers.refusal(answers.LARGE_HEAD))

    def _wait_for_body(self, request: Request) -> None:
        now = self.loop.time()
        request.began = request.began or now
        earned = bodies.patience(request.began, now, len(request.body))
        self.deadline = min(earned, request.began + WHOLE_SECONDS)

    # what uvicorn makes of every request, and agents have no use for

    def _lower_headers(self) -> None:
        self.headers = [(name.lower(), value) for name, value in self.headers]

    def _make_scope(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        self.scope["extensions"] = {"connection": {"abort": self.transport.abort}}

    # an agent's request

    def _begin(self, route: "Route") -> None:
        headers = _of_agents(self.headers)
        request = self._request = Request(route, headers, self.parser.should_keep_alive())
        length = int(headers.get("content-length") or 0)
        if self.parser.get_method() != b"POST":
            request.refusal = 405, b""
        elif length > route.cap:
            request.refusal = answers.too_large(route.cap)
        if length or "transfer-encoding" in headers:
            if request.refusal is not None:
                self._answer(*request.refusal, last=True)
            elif headers.get("expect", "").lower() == "100-continue":
                self.transport.write(CONTINUE)

    def _answered(self, answer: Answer) -> None:
        if self.transport.is_closing():
            self._forget()
        else:
            self._answer(*answer)

    def _answer(self, status: int, body: bytes, *, last: bool = False) -> None:
        request = self._request
        assert request is not None
        self._forget()
        if last or self._deaf or self._listener.closing or not request.keep_alive:
            return self._hang_up(status, body)
        self.transport.write(b"%s%d\r\n\r\n%s" % (self._listener.head(status), len(body), body))
        self.deadline = self.loop.time() + IDLE_SECONDS
        if self.flow.write_paused:
            self.flow.pause_reading()
        return None

    def _forget(self) -> None:
        assert self._request is not None
        self._agents.release(len(self._request.body))
        self._request = None

    # what is no request

    def _without_upgrade(self, rest: bytes) -> None:
        """Go on with HTTP/1.1, as if the client had not offered another protocol.

        The parser takes all that follows for that protocol, so the request is read again by a new one.
        """
        lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    def _fail(self, cause: BaseException | None) -> None:
        """What came is no HTTP, is refused by a method here, or met a bug in one."""
        refused: FleetError = answers.NOT_HTTP
        if isinstance(cause, Refused):
            refused = cause.error
        elif isinstance(cause, Exception) and not isinstance(cause, httptools.HttpParserError):
            log.error("a request failed", exc_info=cause)
            refused = answers.BUG
        elif self._request is not None and self._request.asked:
            self._deaf = True
            return
        if self._request is not None:
            self._forget()
        self._hang_up(*answers.refusal(refused))

    # the end

    def _unanswered(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _hang_up(self, status: int, body: bytes) -> None:
        """Answer for the last time, and give the client a moment to read it."""
        if self._unanswered():
            if self.cycle.response_started:
                return self.transport.abort()
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        head = self._listener.head(status)
        self.transport.write(b"%s%d\r\nconnection: close\r\n\r\n%s" % (head, len(body), body))
        self._deaf, self._in_head = True, False
        self.deadline = self.loop.time() + LINGER_SECONDS
        return None

    def _ignore(self, size: int) -> None:
        self._ignored += size
        if self._ignored > LINGER_BYTES:
            self.transport.abort()


def _of_agents(headers: HeaderList) -> dict[str, str]:
    """Those that matter, by name in small letters; one that is sent twice joined by commas."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = AGENTS.get(raw.lower())
        if name is not None:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


class Socket(WebSocketsSansIOProtocol):
    """A WebSocket of one client. Pings find those that are gone; the handler's thread is bounded in `sockets`."""

    deadline = math.inf
    busy = False

    async def send(self, message: "ASGISendEvent") -> None:
        await super().send(message)
        # Whoever is answered with plain HTTP was refused: that is complete, and no error to log.
        self.handshake_complete = self.handshake_complete or self.close_sent

    async def run_asgi(self) -> None:
        self.scope["extensions"]["connection"] = {"abort": self.transport.abort}
        await super().run_asgi()

    def overdue(self) -> None:
        """Nothing is ever overdue here."""
