"""WebSockets: flask-sock's handlers, unchanged, on uvicorn's transport."""

import asyncio
import io
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import flask_sock
from flask_sock import ConnectionClosed
from flask_sock import Server as SocketServer

from fleet.errors import FleetError
from fleet.server import answers
from fleet.server.bridge import run
from fleet.server.environ import build, header_map
from fleet.server.outgoing import Outgoing
from fleet.server.pool import Pool
from fleet.server.protocol import HeaderList, Receive, Scope, Send, Sent

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ENVIRON_KEY = "fleet.websocket"

MOST_SOCKETS = 500
MOST_IN = 64 * 1024
"""Bytes of a message from a client."""
PING_SECONDS = 20.0
"""Between two pings, and until the answer to one: proxies cut sockets that are quiet for long."""
MOST_WAITING_IN = 64
MOST_WAITING_OUT = 1024 * 1024
STALLED_SECONDS = 20.0
ACCEPT_SECONDS = 10.0
REFUSAL = 1024 * 1024

_JSON: HeaderList = [(b"content-type", answers.JSON.encode())]

TOO_SLOW = "the client reads too slowly"
NORMAL, GOING_AWAY, ABNORMAL, FAULT, TRY_AGAIN = 1000, 1001, 1006, 1011, 1013


class Closing(NamedTuple):
    """The last thing that goes out on a socket."""

    code: int
    reason: str


class Link:
    """One WebSocket between its handler's thread and the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = loop
        self.abort = scope["extensions"]["connection"]["abort"]
        self._receive = receive
        self._send = send
        self._changed = threading.Condition()
        self._in: deque[str | bytes] = deque()
        self._out: deque[str | bytes | Closing] = deque()
        self._out_size = 0
        self._wake: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self.accepted = False
        self.connected = True
        self.reason = NORMAL
        self.message: str | None = None

    # what the handler's thread calls

    def open(self) -> None:
        """Complete the handshake, if that wasn't done yet."""
        if not self.accepted:
            asyncio.run_coroutine_threadsafe(self._accept(), self._loop).result(ACCEPT_SECONDS)

    def push(self, data: str | bytes) -> None:
        """Queue a message. Waits while the client is a megabyte behind, and gives up after 20 s of that."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._out_size < MOST_WAITING_OUT or not self.connected, STALLED_SECONDS
            ):
                self._close(TRY_AGAIN, TOO_SLOW)
            self._check()
            self._out.append(data)
            self._out_size += len(data)
            self._notify()

    def pull(self, timeout: float | None) -> str | bytes | None:
        """The next message; None if none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._in or not self.connected, timeout):
                return None
            if self._in:
                data = self._in.popleft()
                if not self._room.is_set():
                    self._loop.call_soon_threadsafe(self._room.set)
                return data
            raise ConnectionClosed(self.reason, self.message)

    def close(self, code: int, reason: str) -> None:
        """Queue the end, behind all that was sent."""
        with self._changed:
            self._check()
            self._close(code, reason)

    def _check(self) -> None:
        if not self.connected:
            raise ConnectionClosed(self.reason, self.message)

    # what either side calls, holding the lock

    def _close(self, code: int, reason: str) -> None:
        if self.connected:
            self._lost(code, reason)
            self._out.append(Closing(code, reason))
            self._notify()

    def _lost(self, code: int, reason: str | None) -> None:
        if self.connected:
            self.connected = False
            self.reason = code
            self.message = reason
        self._changed.notify_all()

    def _notify(self) -> None:
        if self._wake is not None:
            self._loop.call_soon_threadsafe(self._woken)

    # what the loop calls

    async def _accept(self) -> None:
        if self.accepted or not self.connected:
            return
        await self._receive()  # what it says is known: websocket.connect
        try:
            await self._send({"type": "websocket.accept"})
        except OSError:
            with self._changed:
                self._lost(ABNORMAL, None)
            return
        self.accepted = True
        self._writer = asyncio.create_task(self._write())
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while self.connected:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                with self._changed:
                    self._lost(message.get("code", ABNORMAL), None)
                    self._notify()
                return
            text, raw = message.get("text"), message.get("bytes")
            data: str | bytes = text if text is not None else raw or b""
            with self._changed:
                self._in.append(data)
                self._changed.notify_all()
                if len(self._in) >= MOST_WAITING_IN:
                    self._room.clear()
                else:
                    self._room.set()
            # A handler that doesn't read makes the client wait, not the memory grow.
            await self._room.wait()

    def _woken(self) -> None:
        with self._changed:
            wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            wake.set_result(None)

    async def _take(self) -> list[str | bytes | Closing]:
        while True:
            with self._changed:
                if self._out or not self.connected:
                    batch = list(self._out)
                    self._out.clear()
                    return batch
                wake = self._wake = self._loop.create_future()
            await wake

    async def _write(self) -> None:
        try:
            while batch := await self._take():
                for item in batch:
                    async with asyncio.timeout(STALLED_SECONDS):
                        await self._send(_sent(item))
                    if not isinstance(item, Closing):
                        with self._changed:
                            self._out_size -= len(item)
                            self._changed.notify_all()
        except TimeoutError:
            with self._changed:
                self._lost(TRY_AGAIN, TOO_SLOW)
            self.abort()
        except OSError:  # uvicorn's word for a client that is gone
            pass
        finally:
            with self._changed:
                self._lost(ABNORMAL, None)

    def leave(self, code: int) -> None:
        """Close from the loop, behind what was sent; the handler sees ConnectionClosed."""
        with self._changed:
            self._close(code, "")

    async def finish(self, code: int) -> None:
        """Once the handler is done: wait until the tail and the close are out."""
        self.leave(code)
        if self._writer is not None:
            await self._writer
        if self._reader is not None:
            self._room.set()
            self._reader.cancel()


def _sent(item: str | bytes | Closing) -> Sent:
    if isinstance(item, Closing):
        return {"type": "websocket.close", "code": item.code, "reason": item.reason}
    if isinstance(item, bytes):
        return {"type": "websocket.send", "bytes": item}
    return {"type": "websocket.send", "text": item}


class WebSocket:
    """What a flask-sock handler gets: the same methods as simple_websocket's, over a Link.

    The handshake is completed by the first `send`, `receive` or `close`. Until then the handler, or a
    `before_request`, may still refuse: `abort(403)` is answered as plain HTTP.
    """

    mode = "asgi"
    subprotocol = None

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def connected(self) -> bool:
        """Whether messages can still be sent."""
        return self._link.connected

    def send(self, data: str | bytes) -> None:
        """Queue a message: binary if it is bytes. ConnectionClosed once the socket is closed."""
        self._link.open()
        self._link.push(data if isinstance(data, bytes) else str(data))

    def receive(self, timeout: float | None = None) -> str | bytes | None:
        """The next message, None if none came within `timeout` seconds. ConnectionClosed at the end."""
        self._link.open()
        return self._link.pull(timeout)

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """Close with that code (1000) and text, behind all that was sent."""
        self._link.open()
        self._link.close(int(reason or NORMAL), message or "")


def _server(environ: dict[str, object], **options: object) -> object:
    link = environ.get(ENVIRON_KEY)
    if isinstance(link, Link):
        return WebSocket(link)
    return SocketServer(environ, **options)


class Sockets:
    """Runs the WebSocket routes of a Flask application, a thread each."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._pool = Pool("socket", MOST_SOCKETS, 0)
        self._open: set[Link] = set()
        self._closing = False
        # flask-sock makes its socket from what the environ holds: this is the only door into it.
        flask_sock.Server = _server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        link = Link(loop, scope, receive, send)
        out = Outgoing(loop)
        environ = build(scope, header_map(scope["headers"]), io.BytesIO())
        environ[ENVIRON_KEY] = link
        if self._closing or not self._pool.submit(partial(run, self._app, environ, out)):
            return await _refuse(send, answers.BUSY)
        self._open.add(link)
        try:
            body, ended = await out.take()
            while not ended and len(body) < REFUSAL:
                more, ended = await out.take()
                body += more
            if link.accepted:
                await link.finish(FAULT if out.status or out.broken else NORMAL)
            elif self._closing:
                await _refuse(send, answers.BUSY)
            elif out.status and ended and not out.broken:
                await _answer(send, out.status, out.headers, body)
            else:
                await _refuse(send, answers.BUG)
        finally:
            out.leave()
            self._open.discard(link)
        return None

    async def close(self, seconds: float) -> None:
        """Close all sockets with 1001 and take no more; back when they are closed, or after `seconds`."""
        self._closing = True
        for link in list(self._open):
            link.leave(GOING_AWAY)
        await self._wait(seconds)
        for link in list(self._open):
            link.abort()
        await self._wait(0.5)

    async def _wait(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while self._open and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)


async def _refuse(send: Send, error: FleetError) -> None:
    status, body = answers.refusal(error)
    await _answer(send, status, _JSON, body)


async def _answer(send: Send, status: int, headers: HeaderList, body: bytes) -> None:
    """Answer a handshake with plain HTTP."""
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
