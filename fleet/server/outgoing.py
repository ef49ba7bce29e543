"""An answer on its way from a thread to the event loop, with bounded memory in between."""

import asyncio
import threading
from collections import deque

BUFFER = 256 * 1024


class Gone(Exception):
    """The client no longer takes the answer."""


class Outgoing:
    """A pipe: the thread writes and waits when it is ahead, the loop takes all there is and waits again."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._wake: asyncio.Future[None] | None = None
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.ended = False
        self.broken = False
        self.gone = False

    # what the thread calls

    def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Set the status line; it goes out with the first bytes, or at the end."""
        self.status = status
        self.headers = headers

    def write(self, chunk: bytes, *, last: bool = False) -> None:
        """Hand over bytes; waits while the client is behind. Gone: it went away."""
        with self._changed:
            while self._size > BUFFER and not self.gone:
                self._changed.wait()
            if self.gone:
                raise Gone
            self._chunks.append(chunk)
            self._size += len(chunk)
            self.ended = last
            self._notify()

    def end(self, *, broken: bool = False) -> None:
        """Say that nothing more comes; `broken`: although the answer isn't whole."""
        with self._changed:
            if not self.ended or broken:
                self.ended = True
                self.broken = broken
                self._notify()

    def _notify(self) -> None:
        if self._wake is not None:
            self._loop.call_soon_threadsafe(self._woken)

    # what the loop calls

    def _woken(self) -> None:
        with self._changed:
            wake, self._wake = self._wake, None
        if wake is not None and not wake.done():
            wake.set_result(None)

    async def take(self) -> tuple[bytes, bool]:
        """All bytes there are, waiting for some, and whether they are the last."""
        while True:
            with self._changed:
                if self._size or self.ended or self.gone:
                    data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
                    self._chunks.clear()
                    self._size = 0
                    self._changed.notify_all()
                    return data, self.ended
                wake = self._wake = self._loop.create_future()
            await wake

    def leave(self) -> None:
        """Let the thread know that the client is gone."""
        with self._changed:
            self.gone = True
            self._chunks.clear()
            self._size = 0
            self._changed.notify_all()
            self._notify()
