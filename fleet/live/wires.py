"""How messages travel on a WebSocket: plain, one JSON object a frame, or framed as SockJS does it."""

import time
from collections import deque
from typing import Any, Protocol

import orjson
from flask_sock import ConnectionClosed, Server

NORMAL = 1000
HEARTBEAT_SECONDS = 25.0
DRAINED = 100
"""Messages that are dropped in one go: somebody who talks all the time is not listened to for ever."""


class Garbled(Exception):
    """The client sent a frame that is none of the protocol's."""


class Wire(Protocol):
    """Carries JSON messages both ways."""

    def open(self) -> None:
        """Greet the client."""

    def receive(self, timeout: float) -> Any:
        """The next message, decoded; `TimeoutError` if none came, `Garbled` if it cannot be read."""

    def send(self, kind: str, data: object) -> None:
        """Send a message."""

    def tick(self) -> None:
        """Called every now and then: note who has left, drop what the client says meanwhile, keep the line alive."""

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye."""


class RawWire:
    """One message a frame, text or binary."""

    def __init__(self, socket: Server) -> None:
        self._socket = socket

    def open(self) -> None:
        """Nothing is said before the client speaks."""

    def receive(self, timeout: float) -> Any:
        """The next message."""
        return _decode(_frame(self._socket, timeout))

    def send(self, kind: str, data: object) -> None:
        """Send a message."""
        self._socket.send(_text(kind, data))

    def tick(self) -> None:
        """Drop what the client says; `ConnectionClosed` once it has left."""
        _drain(self._socket)

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close."""
        self._socket.close(code, reason)


class SockJsWire:
    """SockJS over WebSocket: `o`, `a["..."]`, `h`, `c[code,"reason"]`; the client sends arrays of texts."""

    def __init__(self, socket: Server) -> None:
        self._socket = socket
        self._waiting: deque[str] = deque()
        self._beat_at = time.monotonic() + HEARTBEAT_SECONDS

    def open(self) -> None:
        """Say that the line is open."""
        self._socket.send("o")

    def receive(self, timeout: float) -> Any:
        """The next message; several may have come in one frame."""
        deadline = time.monotonic() + timeout
        while not self._waiting:
            frame = _frame(self._socket, max(0.0, deadline - time.monotonic()))
            texts = _decode(frame)
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise Garbled
            self._waiting.extend(texts)
        return _decode(self._waiting.popleft())

    def send(self, kind: str, data: object) -> None:
        """Send a message."""
        self._socket.send("a" + orjson.dumps([_text(kind, data)]).decode())

    def tick(self) -> None:
        """The same as plain, and a heartbeat when it is time."""
        _drain(self._socket)
        if time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + HEARTBEAT_SECONDS
            self._socket.send("h")

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the session of SockJS, then the socket."""
        self._socket.send('c[0,"none"]')
        self._socket.close(code, reason)


def _frame(socket: Server, timeout: float) -> str | bytes:
    frame = socket.receive(timeout)
    if frame is None:
        raise TimeoutError
    return bytes(frame) if isinstance(frame, (bytes, bytearray)) else str(frame)


def _decode(text: str | bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Garbled from None


def _text(kind: str, data: object) -> str:
    return orjson.dumps({"type": kind, "data": data}).decode()


def _drain(socket: Server) -> None:
    for _ in range(DRAINED):
        if socket.receive(0) is None:
            break
    if not socket.connected:
        raise ConnectionClosed(NORMAL)
