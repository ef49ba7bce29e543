"""The words of ASGI that granian speaks, as types."""

from collections.abc import Awaitable, Callable
from typing import TypedDict

HeaderList = list[tuple[bytes, bytes]]


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
    server: tuple[str, str]
    client: tuple[str, str]


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
