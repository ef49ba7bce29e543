"""Answers that this layer gives by itself."""

import json

from fleet.errors import BadRequest, FleetError, TooLarge, Unavailable

JSON = "application/json; charset=utf-8"


def _refusal(error: FleetError) -> bytes:
    return json.dumps(error.envelope()).encode()


BAD_LENGTH = _refusal(BadRequest("Content-Length is not a number"))
BUG = _refusal(FleetError("something went wrong; the server's log says more"))
BUSY = _refusal(Unavailable("too much is waiting, try again in a few seconds"))
CUT_SHORT = _refusal(BadRequest("the request body ended early"))
LARGE_HEAD = _refusal(FleetError("too many or too long headers", message="Request Header Fields Too Large", status=431))
NOT_HTTP = _refusal(BadRequest("this is no HTTP/1.1 request"))
SLOW_BODY = _refusal(FleetError("the request body came too slowly", message="Request Timeout", status=408))
SLOW_HEAD = _refusal(FleetError("the request came too slowly", message="Request Timeout", status=408))


def too_large(cap: int) -> bytes:
    """The envelope that names the limit which the body passed."""
    return _refusal(TooLarge.than(cap))
