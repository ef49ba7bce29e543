"""Answers that this layer gives by itself, and asking the agents' plane so that no bug of it gets through."""

import json
from typing import TYPE_CHECKING

from fleet.server.boundary import Boundary

if TYPE_CHECKING:
    from fleet.agents.plane import Caller, Plane, Route

JSON = "application/json; charset=utf-8"

_MESSAGES = {
    400: "Bad request",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def refusal(status: int, reason: str) -> bytes:
    """The envelope every error comes in, about the request as a whole."""
    return json.dumps({"message": _MESSAGES[status], "errors": [{"name": "base", "reason": reason}]}).encode()


BAD_LENGTH = refusal(400, "Content-Length is not a number")
BUG = refusal(500, "something went wrong; the server's log says more")
BUSY = refusal(503, "too much is waiting, try again in a few seconds")
CUT_SHORT = refusal(400, "the request body ended early")
TOO_SLOW = refusal(408, "the request body came too slowly")


def too_large(cap: int) -> bytes:
    """The envelope that names the limit which the body passed."""
    return refusal(413, f"request body is larger than the {cap} bytes that this route takes")


def at_once(plane: "Plane", route: "Route", body: bytes, caller: "Caller") -> tuple[int, bytes] | None:
    """The plane's answer from memory; None: it needs a thread. A bug becomes a 500."""
    with Boundary(route.path):
        return plane.at_once(route, body, caller)
    return 500, BUG


def in_thread(plane: "Plane", route: "Route", body: bytes, caller: "Caller") -> tuple[int, bytes]:
    """The plane's answer with everything it may need, the database included. A bug becomes a 500."""
    with Boundary(route.path):
        return plane.answer(route, body, caller)
    return 500, BUG
