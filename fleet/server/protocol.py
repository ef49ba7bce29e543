"""The words of ASGI that uvicorn speaks, as types."""

from collections.abc import Awaitable, Callable
from typing import TypedDict

HeaderList = list[tuple[bytes, bytes]]


class Handle(TypedDict):
    """The connection of a request."""

    abort: Callable[[], None]
    """End it at once: the only way left to say that an answer, once begun, is broken."""


class Extensions(TypedDict):
    """What our connections offer beyond the standard."""

    connection: Handle


class Scope(TypedDict):
    """What is known of a request or a WebSocket handshake before its body is read."""

    type: str
    http_version: str
    method: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    headers: HeaderList
    server: tuple[str, int]
    client: tuple[str, int]
    extensions: Extensions


class Received(TypedDict, total=False):
    type: str
    body: bytes
    more_body: bool
    text: str | None
    bytes: bytes | None
    code: int


class Sent(TypedDict, total=False):
    type: str
    status: int
    headers: HeaderList
    body: bytes
    more_body: bool
    text: str
    bytes: bytes
    code: int
    reason: str


Receive = Callable[[], Awaitable[Received]]
Send = Callable[[Sent], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
