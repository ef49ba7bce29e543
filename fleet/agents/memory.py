"""What is kept of the database until somebody changes it."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Values by key until `drop`. What was read before a drop is never kept after it."""

    def __init__(self, limit: int = 1000) -> None:
        self.epoch = 0
        self._limit = limit
        self._values: dict[K, V] = {}
        self._lock = threading.Lock()

    def peek(self, key: K) -> V | None:
        """The value, if it is in memory."""
        return self._values.get(key)

    def fetch(self, key: K, load: Callable[[], V]) -> V:
        """The value, from memory or as `load` gives it."""
        value = self._values.get(key)
        if value is None:
            epoch = self.epoch
            value = load()
            with self._lock:
                if epoch == self.epoch:
                    if len(self._values) >= self._limit:
                        self._values = {}
                    self._values[key] = value
        return value

    def drop(self) -> None:
        """Forget everything."""
        with self._lock:
            self.epoch += 1
            self._values = {}
