"""The agents' plane in front of Flask on servers that speak WSGI only."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, cast

from fleet.agents.plane import Caller
from fleet.server import answers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from fleet.agents.plane import Plane

CHUNK = 64 * 1024


class TooLarge(Exception):
    """The body is longer than its route allows."""


class BadLength(ValueError):
    """Content-Length is not a number."""


class AgentsFirst:
    """A WSGI application that answers the agents' routes itself and leaves all others to `app`."""

    def __init__(self, app: "WSGIApplication", plane: "Plane") -> None:
        self._app = app
        self._plane = plane

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        route = self._plane.routes.get(environ["PATH_INFO"])
        if route is None:
            return self._app(environ, start_response)
        if environ["REQUEST_METHOD"] != "POST":
            start_response("405 Method Not Allowed", [("Content-Length", "0")])
            return []
        try:
            body = _read(environ, route.cap)
        except TooLarge:
            status, answer = answers.too_large(route.cap)
        except BadLength:
            status, answer = answers.refusal(answers.BAD_LENGTH)
        except OSError:
            status, answer = answers.refusal(answers.CUT_SHORT)
        else:
            caller = Caller(environ.get("REMOTE_ADDR", ""), _headers(environ))
            status, answer = answers.of_plane(self._plane, route, body, caller)
        start_response(
            f"{status} {HTTPStatus(status).phrase}",
            [("Content-Type", answers.JSON), ("Content-Length", str(len(answer)))],
        )
        return [answer]


def _read(environ: "WSGIEnvironment", cap: int) -> bytes:
    announced = str(environ.get("CONTENT_LENGTH") or "")
    if not announced:
        length = cap + 1 if environ.get("wsgi.input_terminated") else 0
    elif not (announced.isascii() and announced.isdigit()) or len(announced) > 18:
        raise BadLength(announced)
    else:
        length = int(announced)
    if announced and length > cap:
        raise TooLarge
    stream = cast("IO[bytes]", environ["wsgi.input"])
    chunks = []
    while length and (data := stream.read(min(CHUNK, length))):
        chunks.append(data)
        length -= len(data)
    if announced and length:
        raise ConnectionError("the body ended early")  # as other servers say by themselves
    body = b"".join(chunks)
    if len(body) > cap:
        raise TooLarge
    return body


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    found = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.lower().replace("_", "-")] = environ[name]
    return found
