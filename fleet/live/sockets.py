"""The door of the WebSockets that carry results: who may connect at all, in plain frames or in those of SockJS."""

import functools
import secrets
from collections.abc import Callable
from typing import Any

from flask import Response, request
from flask_sock import Server
from werkzeug.exceptions import MethodNotAllowed, NotFound

from fleet.extensions import sock
from fleet.live.conversation import Conversation
from fleet.live.wires import RawWire, SockJsWire, Wire
from fleet.server.sockets import MOST_IN, PING_SECONDS
from fleet.web.addresses import own_origin
from fleet.web.context import runtime, settings
from fleet.web.doors import ALL, Api
from fleet.web.json import dump

View = Callable[..., Any]

_LISTED = ",".join(f'"{version}"' for version in ALL)
RESULTS = f"/api/<any({_LISTED}):api_version>/fleet/results"

NEEDS_POST = ("xhr", "xhr_streaming", "xhr_send", "jsonp_send")
"""Transports of SockJS that no proxy needs any more: only its WebSocket is served."""


class SocketDoor:
    """Where flask-sock mounts its views: an upgrade is refused before it happens if another site asks for it."""

    def __init__(self, blueprint: Api) -> None:
        self._blueprint = blueprint

    def route(self, path: str, *, endpoint: str, websocket: bool) -> Callable[[View], View]:
        """Mount a view of flask-sock, and a refusal for whoever comes without asking for an upgrade."""

        def mount(view: View) -> View:
            self._add(path, endpoint, _guarded(view), websocket=websocket)
            self._add(path, endpoint + "_http", _open(_upgrade_needed))
            return view

        return mount

    def plain(self, path: str, endpoint: str, view: View) -> None:
        """Mount a view that answers plain HTTP."""
        self._add(path, endpoint, _open(view))

    def _add(self, path: str, endpoint: str, view: View, *, websocket: bool = False) -> None:
        options: dict[str, Any] = {"websocket": True} if websocket else {}
        self._blueprint.add_url_rule(
            RESULTS + path, endpoint, view, methods=["GET"], provide_automatic_options=False, **options
        )


def mount(api: Api) -> None:
    """Mount everything under `/results/`."""
    door = SocketDoor(api)
    options = {"ping_interval": PING_SECONDS, "max_message_size": MOST_IN}
    api.record_once(lambda state: state.app.config.setdefault("SOCK_SERVER_OPTIONS", options))
    sock.route("/websocket", bp=door, endpoint="results_websocket")(_raw)
    sock.route("/<server>/<session>/websocket", bp=door, endpoint="results_sockjs")(_sockjs)
    door.plain("/", "results_greeting", _greeting)
    door.plain("/info", "results_info", _info)
    for transport in NEEDS_POST:
        door.plain(f"/<server>/<session>/{transport}", f"results_{transport}", _no_post)
    door.plain("", "results_bare", _nothing)
    door.plain("/<path:rest>", "results_rest", _nothing)


def _raw(socket: Server) -> None:
    _talk(RawWire(socket))


def _sockjs(socket: Server, server: str, session: str) -> None:
    _talk(SockJsWire(socket))


def _talk(wire: Wire) -> None:
    Conversation(wire, runtime()).run()


def _guarded(view: View) -> View:
    @functools.wraps(view)
    def handler(api_version: str, **arguments: str) -> Any:
        if not (settings().server.websockets_allow_unsafe_origin or own_origin(missing=True)):
            return Response("Forbidden\n", 403, content_type="text/plain; charset=utf-8")
        if any("." in segment for segment in arguments.values()):
            raise NotFound
        return view(**arguments)

    handler.fleet_door = "socket"  # type: ignore[attr-defined]
    return handler


def _open(view: View) -> View:
    @functools.wraps(view)
    def handler(api_version: str, **_arguments: str) -> Any:
        return view()

    handler.fleet_door = "socket"  # type: ignore[attr-defined]
    return handler


def _upgrade_needed() -> Response:
    headers = {"Sec-WebSocket-Version": "13"}
    return Response("Bad Request\n", 400, headers, content_type="text/plain; charset=utf-8")


def _greeting() -> Response:
    return Response("Welcome to SockJS!\n", content_type="text/plain;charset=UTF-8")


def _info() -> Response:
    origin = request.headers.get("Origin", "null")
    body = {"websocket": True, "cookie_needed": False, "origins": ["*:*"], "entropy": secrets.randbits(31)}
    headers = {
        "Cache-Control": "no-store, no-cache, must-revalidate, max-age=0",
        "Access-Control-Allow-Origin": "*" if origin == "null" else origin,
        "Access-Control-Allow-Credentials": "true",
    }
    return Response(dump(body), 200, headers, content_type="application/json; charset=UTF-8")


def _no_post() -> Response:
    raise MethodNotAllowed(["POST", "OPTIONS"])


def _nothing() -> Response:
    raise NotFound
