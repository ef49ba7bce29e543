"""Reading request bodies: bounded in size, in sum, and in how slow they may be."""

import asyncio
import math

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from fleet.server.protocol import Receive, Received

QUIET_SECONDS = 25.0
WHOLE_SECONDS = 120.0
SLOWEST_BYTES_PER_SECOND = 1024


class Disconnected(ClientDisconnected):
    """The client went away in the middle of its body."""


class TooSlow(RequestTimeout):
    """The client sent nothing for 25 s, or less than 1 KB/s on the whole."""


class TooLarge(Exception):
    """The body is longer than its route allows."""


class Overloaded(Exception):
    """Too many bytes of bodies are held in memory already."""


class BadLength(ValueError):
    """Content-Length is not a number."""


def content_length(value: str | None) -> int | None:
    """The announced length of a body, None where none is announced; BadLength if it makes no sense."""
    if value is None or value == "":
        return None
    if not (value.isascii() and value.isdigit()) or len(value) > 18:
        raise BadLength(value)
    return int(value)


class Patience:
    """Deadlines of all reads, in one table that is looked through now and then.

    Nearly all of them are met at once, and a timer for each would cost more than the read itself.
    """

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[object], float] = {}
        self._overdue: set[asyncio.Task[object]] = set()
        self._looking = False

    async def read(self, receive: Receive, deadline: float) -> Received:
        """What comes next; TooSlow if it is not there by then, or little later."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._due[task] = deadline
        if not self._looking:
            self._looking = True
            loop.call_later(QUIET_SECONDS / 10, self._look, loop)
        try:
            return await receive()
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TooSlow from None
            raise
        finally:
            del self._due[task]
            self._overdue.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, deadline in self._due.items():
            if deadline < now and task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._looking = bool(self._due)
        if self._looking:
            loop.call_later(QUIET_SECONDS / 10, self._look, loop)


_patience = Patience()


class Budget:
    """How many bytes of bodies, read but not yet answered, the process is willing to hold."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[Incoming, int] = {}
        self._sum = 0

    def hold(self, body: "Incoming") -> None:
        """Count in what was read of that body by now; Overloaded if that is too much."""
        self._sum += body.size - self._held.get(body, 0)
        self._held[body] = body.size
        if self._sum > self._most:
            raise Overloaded

    def free(self, body: "Incoming") -> None:
        """Forget what that body held."""
        self._sum -= self._held.pop(body, 0)


class Incoming:
    """The body of one request, chunk by chunk, from the event loop."""

    def __init__(self, receive: Receive, length: int | None) -> None:
        self._receive = receive
        self._length = length
        self._started = asyncio.get_running_loop().time()
        self._until = math.inf
        self.size = 0
        self.ended = length == 0

    async def chunk(self) -> bytes:
        """The next bytes, b"" at the end."""
        while not self.ended:
            earned = self._started + QUIET_SECONDS + self.size / SLOWEST_BYTES_PER_SECOND
            if self.size:
                earned = min(earned, asyncio.get_running_loop().time() + QUIET_SECONDS, self._until)
            try:
                message = await _patience.read(self._receive, earned)
            except TooSlow:
                self.ended = True
                raise
            if message["type"] == "http.disconnect":
                self.ended = True
                raise Disconnected
            data = message["body"]
            self.size += len(data)
            # What is announced and read is whole: asking again would cost a second trip for nothing.
            if not message["more_body"] or self.size == self._length:
                self.ended = True
            if data:
                return data
        return b""

    async def whole(self, cap: int, budget: "Budget") -> bytes:
        """All of it. TooLarge as soon as it is longer than `cap`, Overloaded where the budget is spent."""
        first = await self.chunk()
        if self.ended and self.size <= cap:
            return first
        chunks = [first]
        self._until = self._started + WHOLE_SECONDS
        while self.size <= cap:
            data = await self.chunk()
            if not data:
                return b"".join(chunks)
            budget.hold(self)
            chunks.append(data)
        raise TooLarge

    async def prefix(self, size: int) -> bytes:
        """Roughly the first `size` bytes, less if it ends before."""
        chunks = []
        while self.size < size and not self.ended:
            chunks.append(await self.chunk())
        return b"".join(chunks)

    async def discard(self, most: int, seconds: float) -> None:
        """Read on and throw away, so that a client still sending gets to see its answer."""
        limit = self.size + most
        try:
            async with asyncio.timeout(seconds):
                while not self.ended and self.size < limit:
                    await self.chunk()
        except (TimeoutError, TooSlow, Disconnected):
            return
