"""What granian calls: the agents' plane is answered in the event loop, all else by Flask in threads."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from fleet.agents.plane import Caller
from fleet.server import answers
from fleet.server.bodies import (
    BadLength,
    Budget,
    Disconnected,
    Incoming,
    Overloaded,
    TooLarge,
    TooSlow,
    content_length,
)
from fleet.server.bridge import DISCARD, Bridge, reply
from fleet.server.environ import header_map, peer
from fleet.server.pool import Pool
from fleet.server.protocol import Receive, Scope, Send, Sent
from fleet.server.sockets import Sockets

if TYPE_CHECKING:
    from flask import Flask

    from fleet.agents.plane import Plane, Route

MB = 1024 * 1024
AGENT_THREADS = 8
AGENTS_WAITING = 20_000
AGENT_BODIES = 256 * MB

_HEADERS = [(b"content-type", answers.JSON.encode())]
_NOTHING: Sent = {"type": "http.response.body", "body": b"", "more_body": False}


class Gateway:
    """The ASGI application of one Flask app and its agents' plane."""

    def __init__(self, app: "Flask", plane: "Plane") -> None:
        self._plane = plane
        self._routes = plane.routes
        self._pool = Pool("agents", AGENT_THREADS, AGENTS_WAITING)
        self._budget = Budget(AGENT_BODIES)
        self._bridge = Bridge(app)
        self.sockets = Sockets(app)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        route = self._routes.get(scope["path"])
        if scope["type"] == "websocket":
            if route is not None:
                return self.sockets.refuse(send, 405)
            return self.sockets(scope, receive, send)
        if route is None:
            return self._bridge(scope, receive, send)
        return self._agent(route, scope, receive, send)

    async def _agent(self, route: "Route", scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await send({"type": "http.response.start", "status": 405, "headers": []})
            return await send(_NOTHING)
        headers = header_map(scope["headers"])
        try:
            length = content_length(headers.get("content-length"))
        except BadLength:
            return await reply(send, 400, answers.BAD_LENGTH)
        if length is None and "transfer-encoding" not in headers:
            length = 0
        incoming = Incoming(receive, length)
        try:
            if length is not None and length > route.cap:
                raise TooLarge
            body = await incoming.whole(route.cap, self._budget)
            caller = Caller(peer(scope), headers)
            answer = answers.at_once(self._plane, route, body, caller)
            if answer is None:
                self._budget.hold(incoming)
                answer = await self._in_thread(partial(answers.in_thread, self._plane, route, body, caller))
        except TooLarge:
            answer = 413, answers.too_large(route.cap)
        except Overloaded:
            answer = 503, answers.BUSY
        except TooSlow:
            answer = 408, answers.TOO_SLOW
        except Disconnected:
            answer = 400, answers.CUT_SHORT
        finally:
            self._budget.free(incoming)
        await send({"type": "http.response.start", "status": answer[0], "headers": _HEADERS})
        await send({"type": "http.response.body", "body": answer[1], "more_body": False})
        if not incoming.ended:
            await incoming.discard(DISCARD, 2.0)
        return None

    async def _in_thread(self, ask: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[tuple[int, bytes]] = loop.create_future()

        def work() -> None:
            loop.call_soon_threadsafe(done.set_result, ask())

        if not self._pool.submit(work):
            raise Overloaded
        return await done


def make_asgi(app: "Flask", plane: "Plane") -> Gateway:
    """The application to serve; from here on flask-sock's handlers work on granian's WebSockets too."""
    return Gateway(app, plane)
