"""Answers that this layer gives by itself, and those of the agents' plane so that a bug of it is one, too."""

import json
from typing import TYPE_CHECKING

from fleet.errors import BadRequest, FleetError, TooLarge, Unavailable
from fleet.server.boundary import Boundary
from fleet.web.errors import envelope

if TYPE_CHECKING:
    from fleet.agents.plane import Caller, Plane, Route

JSON = "application/json; charset=utf-8"

BAD_LENGTH = BadRequest("Content-Length is not a number")
BUG = FleetError("something went wrong; the server's log says more")
BUSY = Unavailable("too much is waiting, try again in a few seconds")
CUT_SHORT = BadRequest("the request body ended early")
LARGE_HEAD = FleetError("too many or too long headers", message="Request Header Fields Too Large", status=431)
NOT_HTTP = BadRequest("this is no HTTP/1.1 request")
SLOW_BODY = FleetError("the request body came too slowly", message="Request Timeout", status=408)
SLOW_HEAD = FleetError("the request came too slowly", message="Request Timeout", status=408)


def refusal(error: FleetError) -> tuple[int, bytes]:
    """Status and body of a refusal, in the envelope of the API."""
    return error.status, json.dumps(envelope(error)).encode()


def too_large(cap: int) -> tuple[int, bytes]:
    """The refusal that names the limit which the body passed."""
    return refusal(TooLarge.than(cap))


def of_plane(plane: "Plane", route: "Route", body: bytes, caller: "Caller") -> tuple[int, bytes]:
    """The plane's answer with everything it may need, the database included. A bug becomes a 500: somebody waits."""
    with Boundary(route.path):
        return plane.answer(route, body, caller)
    return refusal(BUG)
