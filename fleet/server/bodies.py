"""Request bodies that come slowly: how long they are waited for, and reading them chunk by chunk."""

import asyncio

from werkzeug.exceptions import ClientDisconnected, RequestTimeout

from fleet.server.protocol import Receive

QUIET_SECONDS = 25.0
SLOWEST_BYTES_PER_SECOND = 1024


class Disconnected(ClientDisconnected):
    """The client went away in the middle of its body."""


class TooSlow(RequestTimeout):
    """The client sent nothing for 25 s, or less than 1 KB/s on the whole."""


def patience(began: float, now: float, size: int) -> float:
    """By when more must have come of a body of which `size` bytes are there."""
    return min(now + QUIET_SECONDS, began + QUIET_SECONDS + size / SLOWEST_BYTES_PER_SECOND)


class Incoming:
    """The body of one request, chunk by chunk, from the event loop."""

    def __init__(self, receive: Receive, length: int | None) -> None:
        self._receive = receive
        self._length = length
        self._began = asyncio.get_running_loop().time()
        self.size = 0
        self.ended = length == 0

    async def chunk(self) -> bytes:
        """The next bytes, b"" at the end."""
        while not self.ended:
            now = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout_at(patience(self._began, now, self.size)):
                    message = await self._receive()
            except TimeoutError:
                self.ended = True
                raise TooSlow from None
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

    async def prefix(self, size: int) -> bytes:
        """Roughly the first `size` bytes, less if it ends before."""
        chunks = []
        while self.size < size and not self.ended:
            chunks.append(await self.chunk())
        return b"".join(chunks)
