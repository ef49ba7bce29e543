"""What uvicorn calls for everything but the agents' plane: Flask, over HTTP and over WebSockets."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from fleet.server.bridge import Bridge
from fleet.server.protocol import Receive, Scope, Send
from fleet.server.sockets import Sockets

if TYPE_CHECKING:
    from flask import Flask


class Gateway:
    """The ASGI application of one Flask application; its flask-sock handlers work on uvicorn's WebSockets, too."""

    def __init__(self, app: "Flask") -> None:
        self._bridge = Bridge(app)
        self.sockets = Sockets(app)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "websocket":
            return self.sockets(scope, receive, send)
        return self._bridge(scope, receive, send)
