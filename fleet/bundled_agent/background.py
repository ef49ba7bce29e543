"""Runs agents in a thread with an event loop of its own."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine

import uvloop

Work = Callable[[], Coroutine[None, None, None]]

STOP_TIMEOUT = 30.0


def run(work: Work) -> None:
    """Run until it ends or is interrupted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work())


class Background:
    """start() and stop() for something that works until it is cancelled."""

    def __init__(self, work: Work, name: str) -> None:
        self._work = work
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Return when the loop runs."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Cancel the work and wait until it has cleaned up."""
        if self._loop is None or self._task is None or not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_TIMEOUT)

    def _main(self) -> None:
        run(self._supervise)

    async def _supervise(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._work())
        self._ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
