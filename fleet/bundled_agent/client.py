"""A small HTTP/1.1 client: one kept-alive connection for each agent, thousands in a process."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import SplitResult, urlsplit

import httptools

RESPONSE_MAX = 16 * 1024 * 1024
REQUEST_TIMEOUT = 60.0
CONNECT_TIMEOUT = 15.0


class Unreachable(OSError):
    """No answer: refused, cut off, too slow, or not HTTP."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the server said."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Server:
    """Where agents report to, and how to trust it. Shared by all agents of a process."""

    host: str
    port: int
    prefix: str = ""
    tls: ssl.SSLContext | None = None
    user_agent: str = "osquery"
    head: bytes = field(default=b"", compare=False)

    @classmethod
    def at(cls, url: str, *, user_agent: str, ca: str | None = None, insecure: bool = False) -> "Server":
        """The server of a URL. TLS trusts the system's authorities, those of a file, or anybody."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not _plain(parts):
            raise ValueError(f"not the URL of a server, such as https://fleet.example.com:8080: {url!r}")
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        head = (
            f"Host: {name}:{port}\r\nUser-Agent: {user_agent}\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\n"
        )
        return cls(
            host=parts.hostname,
            port=port,
            prefix=parts.path.rstrip("/"),
            tls=_tls(ca, insecure) if secure else None,
            user_agent=user_agent,
            head=head.encode("ascii"),
        )

    def request(self, path: str, body: bytes, *, gzipped: bool = False) -> bytes:
        """The bytes of a POST."""
        encoding = b"Content-Encoding: gzip\r\n" if gzipped else b""
        return b"POST %b HTTP/1.1\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            (self.prefix + path).encode("ascii"),
            self.head,
            encoding,
            len(body),
            body,
        )


def _plain(parts: SplitResult) -> bool:
    """Whether a URL is an address and a path, in letters that a request can hold."""
    try:
        parts.netloc.encode("idna")
    except UnicodeError:
        return False
    written = parts.geturl()
    return written.isascii() and written.isprintable() and not any(sign in written for sign in " ?#")


def _tls(ca: str | None, insecure: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise ValueError(f"{ca} holds no certificate in PEM form") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Client:
    """Posts to a server, one request at a time, and connects anew when it must."""

    __slots__ = ("_connection", "_server", "_timeout")

    def __init__(self, server: Server, timeout: float = REQUEST_TIMEOUT) -> None:
        self._server = server
        self._timeout = timeout
        self._connection: Connection | None = None

    async def post(self, path: str, body: bytes, *, gzipped: bool = False) -> Response:
        """The response; raises Unreachable. A kept-alive connection that has died is replaced once."""
        request = self._server.request(path, body, gzipped=gzipped)
        kept = self._connection
        if kept is not None and kept.usable:
            try:
                return await kept.send(request, self._timeout)
            except Stale:
                pass
        self._connection = await self._connect()
        return await self._connection.send(request, self._timeout)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _connect(self) -> "Connection":
        loop = asyncio.get_running_loop()
        server = self._server
        connecting = loop.create_connection(
            Connection,
            server.host,
            server.port,
            ssl=server.tls,
            server_hostname=server.host if server.tls else None,
        )
        try:
            _, connection = await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
        except TimeoutError as error:
            raise Unreachable(f"{server.host}:{server.port} does not answer") from error
        except ssl.SSLCertVerificationError as error:
            why = f"the certificate of {server.host}:{server.port} is not trusted: {error.verify_message}"
            raise Unreachable(f"{why} (--ca FILE trusts it, or who signed it)") from error
        except OSError as error:
            raise Unreachable(f"cannot connect to {server.host}:{server.port}: {error}") from error
        return connection


class Stale(Unreachable):
    """The server had hung up before it read the request."""


class Connection(asyncio.Protocol):
    """One connection: bytes in, a response out."""

    __slots__ = ("_body", "_ended", "_length_known", "_parser", "_size", "_transport", "_used", "_waiter")

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Response] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._length_known = False
        self._ended = False
        self._used = False

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def send(self, request: bytes, timeout: float) -> Response:
        """Send a request and wait for its response."""
        if self._transport is None:
            raise Stale("connection closed")
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Response] = loop.create_future()
        self._waiter = waiter
        self._parser = httptools.HttpResponseParser(self)
        self._body, self._size, self._length_known, self._ended = [], 0, False, False
        timer = loop.call_later(timeout, self._give_up)
        self._transport.write(request)
        try:
            response = await waiter
        finally:
            timer.cancel()
            self._waiter = self._parser = None
        self._used = True
        return response

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _give_up(self) -> None:
        self._fail(Unreachable("the server took too long to answer"))

    def _fail(self, error: Unreachable) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self._fail(Unreachable("the server spoke unasked"))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(Unreachable(f"the server does not speak HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._waiter is None or self._waiter.done():
            return
        if self._ended and not self._length_known and exc is None:
            self._finish()
        elif self._used and not self._ended:
            self._waiter.set_exception(Stale("the server hung up"))
        else:
            self._waiter.set_exception(Unreachable(f"the server hung up: {exc or 'no response'}"))

    # httptools callbacks

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._length_known = True

    def on_headers_complete(self) -> None:
        self._ended = True

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > RESPONSE_MAX:
            self._fail(Unreachable("the response is too large"))
            return
        self._body.append(part)

    def on_message_complete(self) -> None:
        if self._parser is None or self._parser.get_status_code() < 200:
            return
        keep = self._parser.should_keep_alive()
        self._finish()
        if not keep:
            self.close()

    def _finish(self) -> None:
        if self._parser is not None and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(Response(self._parser.get_status_code(), b"".join(self._body)))
