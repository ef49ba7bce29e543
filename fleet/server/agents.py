"""The agents' routes for the server's connections: found by their path, answered at once or in a thread."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httptools

from fleet.agents.plane import Answer, Caller
from fleet.server import answers
from fleet.server.pool import Pool

if TYPE_CHECKING:
    from fleet.agents.plane import Plane, Route

MB = 1024 * 1024
THREADS, LOG_THREADS = 8, 2
WAITING = 20_000
MOST_HELD = 256 * MB

Done = Callable[[Answer], None]


class Agents:
    """Asks the plane, within bounds on how much may wait and how many bytes of bodies may be held meanwhile."""

    def __init__(self, plane: "Plane", loop: asyncio.AbstractEventLoop) -> None:
        self._plane = plane
        self._loop = loop
        self._by_url = {path.encode(): route for path, route in plane.routes.items()}
        # Whoever waits for files does not hold up who waits for the database; one thread more for a database that is
        # asked in between is enough, for files are written one at a time anyway.
        self._threads = {False: Pool("agents", THREADS, WAITING), True: Pool("logs", LOG_THREADS, WAITING)}
        self._held = 0

    def route(self, url: bytes) -> "Route | None":
        """The route of a request target; none: it is not for agents. An odd one is looked at as HTTP says."""
        route = self._by_url.get(url)
        if route is None and (b"?" in url or b"%" in url or not url.startswith(b"/")):
            return self._plane.routes.get(unquote(httptools.parse_url(url).path.decode("ascii")))
        return route

    def hold(self, size: int) -> bool:
        """Count in bytes that were read; False: the process holds too many."""
        self._held += size
        return self._held <= MOST_HELD

    def release(self, size: int) -> None:
        """Count out the bytes of a request that is done."""
        self._held -= size

    def ask(self, route: "Route", body: bytes, caller: Caller, done: Done) -> Answer | None:
        """The answer, if it is there at once; else none, and `done` gets it in the event loop later."""
        answer = self._plane.at_once(route, body, caller)
        if answer is None:
            threads = self._threads[route.writes_files]
            if not threads.submit(partial(self._in_thread, route, body, caller, done)):
                return answers.refusal(answers.BUSY)
        return answer

    def _in_thread(self, route: "Route", body: bytes, caller: Caller, done: Done) -> None:
        self._loop.call_soon_threadsafe(done, answers.of_plane(self._plane, route, body, caller))
