"""What all connections of the server share: the clock they are held to, and how they end."""

import asyncio
import math
import ssl
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from socket import socket
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.server import ServerState

from fleet.server import answers, sockets
from fleet.server.agents import Agents
from fleet.server.boundary import Boundary
from fleet.server.connection import IDLE_SECONDS, Connection, Socket
from fleet.server.protocol import Application

if TYPE_CHECKING:
    from fleet.agents.plane import Plane

BACKLOG = 4096
TICK_SECONDS = 1.0
HANDSHAKE_SECONDS = 20.0


class Listener(ServerState):
    """Takes connections on a socket, and lets none of them last longer than it should."""

    def __init__(self, application: "Application", plane: "Plane") -> None:
        super().__init__()
        self.agents = Agents(plane, asyncio.get_running_loop())
        self.closing = False
        self._heads: dict[int, bytes] = {}
        self._server: asyncio.Server | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._config = uvicorn.Config(
            application,
            interface="asgi3",
            http=Connection,
            ws=Socket,
            ws_max_size=sockets.MOST_IN,
            ws_ping_interval=sockets.PING_SECONDS,
            ws_ping_timeout=sockets.PING_SECONDS,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
        )
        self._config.load()

    async def listen(self, bound: socket, context: ssl.SSLContext | None) -> None:
        """Take connections from now on."""
        self._tell_time()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            partial(Connection, self._config, self, {}, loop),
            sock=bound,
            backlog=BACKLOG,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
        )
        self._ticking = asyncio.create_task(self._tick())

    def head(self, status: int) -> bytes:
        """The first lines of an answer in JSON, up to the length that is still missing."""
        head = self._heads.get(status)
        if head is None:
            phrase, ((_, date),) = HTTPStatus(status).phrase.encode(), self.default_headers
            head = b"HTTP/1.1 %d %s\r\ndate: %s\r\ncontent-type: %s\r\ncontent-length: " % (
                status, phrase, date, answers.JSON.encode()
            )  # fmt: skip
            self._heads[status] = head
        return head

    async def close(self, seconds: float) -> bool:
        """Take no more connections and let requests end; False: some had not when the time was up."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        for connection in self._open():
            connection.shutdown()
        ended = await self._wait(seconds, busy_only=True)
        for connection in self._open():
            connection.transport.close()
        await self._wait(0.2, busy_only=False)  # until what was written is sent
        if self._ticking is not None:
            self._ticking.cancel()
        return ended

    async def _wait(self, seconds: float, *, busy_only: bool) -> bool:
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while self.tasks or any(connection.busy or not busy_only for connection in self._open()):
            if clock() > until:
                return False
            await asyncio.sleep(0.01)
        return True

    def _open(self) -> list[Connection | Socket]:
        return cast("list[Connection | Socket]", list(self.connections))

    async def _tick(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._tell_time()
            now = clock()
            for connection in self._open():
                if connection.deadline < now:
                    connection.deadline = math.inf
                    with Boundary("ending a slow connection"):
                        connection.overdue()

    def _tell_time(self) -> None:
        self.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        self._heads = {}
