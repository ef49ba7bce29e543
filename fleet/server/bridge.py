"""A WSGI application behind uvicorn: its calls run in a thread pool, both bodies stream with backpressure."""

import asyncio
import contextlib
import io
from collections.abc import Callable, Iterable
from functools import partial
from types import TracebackType
from typing import IO, TYPE_CHECKING

from fleet.errors import FleetError
from fleet.server import answers
from fleet.server.bodies import Disconnected, Incoming, TooSlow
from fleet.server.boundary import Boundary
from fleet.server.environ import Environ, build, header_map
from fleet.server.outgoing import Gone, Outgoing
from fleet.server.pool import Pool
from fleet.server.protocol import HeaderList, Receive, Scope, Send

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIApplication

THREADS = 32
WAITING = 1000
PREFETCH = 64 * 1024
STALLED_SECONDS = 60.0

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class Input(io.RawIOBase):
    """`wsgi.input` of a body that is still coming: each read asks the event loop for the next chunk."""

    def __init__(self, prefix: bytes, incoming: Incoming, loop: asyncio.AbstractEventLoop) -> None:
        self._rest = memoryview(prefix)
        self._incoming = incoming
        self._loop = loop

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        if not self._rest:
            if self._incoming.ended:
                return 0
            coming = asyncio.run_coroutine_threadsafe(self._incoming.chunk(), self._loop)
            self._rest = memoryview(coming.result())
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def run(app: "WSGIApplication", environ: Environ, out: Outgoing) -> None:
    """Call the application and hand over what it answers; in a thread."""
    with Boundary("a request to the application") as tried, contextlib.suppress(Gone):
        _run(app, environ, out)
    out.end(broken=tried.failed)


def _run(app: "WSGIApplication", environ: Environ, out: Outgoing) -> None:
    announced: int | None = None

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        nonlocal announced
        code = int(status[:3])
        if not 200 <= code <= 599:
            raise ValueError(f"not a status that can end a request: {status!r}")
        sent: HeaderList = []
        for name, value in headers:
            lower = name.lower()
            if lower == "content-length":
                announced = int(value)
            if lower not in HOP_BY_HOP:
                sent.append((lower.encode("latin-1"), value.encode("latin-1")))
        out.start(code, sent)
        return out.write

    result: Iterable[bytes] = app(environ, start_response)
    try:
        size = 0
        for chunk in result:
            if chunk:
                size += len(chunk)
                # The announced end can be sent as such, without a look whether the iterator goes on.
                out.write(chunk, last=size == announced)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


async def refuse(send: Send, error: FleetError, *, more: HeaderList | None = None) -> None:
    """Send a whole refusal from the event loop."""
    status, body = answers.refusal(error)
    headers = [(b"content-type", answers.JSON.encode()), *(more or [])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Bridge:
    """Answers HTTP requests with a WSGI application."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app
        self._pool = Pool("flask", THREADS, WAITING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        headers = header_map(scope["headers"])
        prefix = b""
        try:
            length = None if "transfer-encoding" in headers else int(headers.get("content-length") or 0)
            incoming = Incoming(receive, length)
            # A small body is read before it takes a thread; who waits for "100 Continue" may be refused.
            if "expect" not in headers:
                prefix = await incoming.prefix(PREFETCH)
        except TooSlow:
            return await refuse(send, answers.SLOW_BODY, more=[(b"connection", b"close")])
        except Disconnected:
            return None
        body: IO[bytes]
        if incoming.ended:
            body = io.BytesIO(prefix)
        else:
            body = io.BufferedReader(Input(prefix, incoming, loop), PREFETCH)
        out = Outgoing(loop)
        environ = build(scope, headers, body)
        if not self._pool.submit(partial(run, self._app, environ, out)):
            return await refuse(send, answers.BUSY, more=[(b"retry-after", b"5")])
        try:
            await self._respond(scope, receive, send, incoming, out)
        finally:
            out.leave()
        return None

    async def _respond(self, scope: Scope, receive: Receive, send: Send, incoming: Incoming, out: Outgoing) -> None:
        data, ended = await out.take()
        if out.broken or not out.status:
            return await refuse(send, answers.BUG)
        await send({"type": "http.response.start", "status": out.status, "headers": out.headers})
        if scope["method"] == "HEAD" or out.status in (204, 304):
            data, ended = b"", True
        if ended:
            return await send({"type": "http.response.body", "body": data, "more_body": False})
        watch = asyncio.create_task(_leave_with_client(receive, incoming, out))
        try:
            while not (out.gone or out.broken):
                async with asyncio.timeout(STALLED_SECONDS):
                    await send({"type": "http.response.body", "body": data, "more_body": not ended})
                if ended:
                    return None
                data, ended = await out.take()
        except TimeoutError:
            out.gone = True
        finally:
            watch.cancel()
        scope["extensions"]["connection"]["abort"]()
        while (await receive())["type"] != "http.disconnect":
            pass
        return None


async def _leave_with_client(receive: Receive, incoming: Incoming, out: Outgoing) -> None:
    """Notice that the client is gone; only once its body is read, for these messages are the same."""
    if incoming.ended:
        while (await receive())["type"] != "http.disconnect":
            pass
        out.leave()
