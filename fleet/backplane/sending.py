"""What many threads have to send goes out together: whatever waits, in one round trip."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

AT_ONCE = 256
"""Messages in one round trip."""

T = TypeVar("T")


class Sender(Generic[T]):
    """A thread that sends; `send` takes messages and gives a number for each, or raises one of `errors`."""

    def __init__(self, send: Callable[[Sequence[T]], Sequence[int]], errors: tuple[type[Exception], ...]) -> None:
        self._send = send
        self._errors = errors
        self._waiting: queue.SimpleQueue[tuple[T, Future[int]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="live-publish", daemon=True)
        self._thread.start()

    def put(self, message: T, timeout: float) -> int:
        """The number that `send` gives for this message; its error, or `TimeoutError`."""
        answer: Future[int] = Future()
        self._waiting.put((message, answer))
        return answer.result(timeout)

    def close(self) -> None:
        """End the thread; who still waits runs into their timeout."""
        self._waiting.put(None)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch: list[tuple[T, Future[int]]] = [first]
            while len(batch) < AT_ONCE and not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    self._waiting.put(None)  # the end comes after this batch
                    break
                batch.append(more)
            self._send_batch(batch)

    def _send_batch(self, batch: Sequence[tuple[T, Future[int]]]) -> None:
        try:
            numbers = self._send([message for message, _ in batch])
        except self._errors as error:
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), number in zip(batch, numbers, strict=True):
            answer.set_result(number)
