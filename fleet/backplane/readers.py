"""Those who read the results of campaigns in this process."""

import threading
import time
from collections import deque
from collections.abc import Callable

from fleet.backplane import Result

CAPACITY = 500_000
"""Rows that wait for one reader, a result counting as one more; past that the host is asked again later."""


class QueueReader:
    """Reads from a queue in memory."""

    def __init__(self, campaign_id: int, forget: Callable[["QueueReader"], None]) -> None:
        self.campaign_id = campaign_id
        self._forget = forget
        self._changed = threading.Condition()
        self._results: deque[Result] = deque()
        self._size = 0
        self._closed = False

    def offer(self, result: Result) -> bool:
        """Put a result into the queue; false: the reader has left, or is too far behind."""
        with self._changed:
            if self._closed or self._size >= CAPACITY:
                return False
            self._results.append(result)
            self._size += 1 + len(result.rows)
            self._changed.notify()
            return True

    def next(self, timeout: float) -> Result | None:
        """The next result, or none after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self._results:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            if not self._results:
                return None
            result = self._results.popleft()
            self._size -= 1 + len(result.rows)
            return result

    def close(self) -> None:
        """Stop reading."""
        with self._changed:
            self._closed = True
            self._results.clear()
        self._forget(self)


class Readers:
    """The readers of each campaign."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[int, tuple[QueueReader, ...]] = {}

    def open(self, campaign_id: int, left: Callable[[int], None] | None = None) -> QueueReader:
        """A new reader; `left` is called once the last one of the campaign has closed."""

        def forget(reader: QueueReader) -> None:
            if self._remove(reader) and left is not None:
                left(campaign_id)

        reader = QueueReader(campaign_id, forget)
        with self._lock:
            self._of[campaign_id] = (*self._of.get(campaign_id, ()), reader)
        return reader

    def offer(self, result: Result) -> bool:
        """Hand a result to every reader of its campaign; whether anybody took it."""
        taken = [reader.offer(result) for reader in self._of.get(result.campaign_id, ())]
        return any(taken)

    def campaigns(self) -> list[int]:
        """The campaigns that somebody reads."""
        return list(self._of)

    def _remove(self, reader: QueueReader) -> bool:
        with self._lock:
            known = self._of.get(reader.campaign_id, ())
            left = tuple(other for other in known if other is not reader)
            if left:
                self._of[reader.campaign_id] = left
            else:
                self._of.pop(reader.campaign_id, None)
            return bool(known) and not left
