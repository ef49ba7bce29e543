"""A small Flask application with an agents' plane, served for the tests of the server layer."""

import hashlib
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import orjson
from flask import Flask, Response, abort, jsonify, make_response, request
from flask_sock import ConnectionClosed, Sock
from simple_websocket import Server
from werkzeug.exceptions import HTTPException

from fleet.agents.plane import Caller, Route
from fleet.server.middleware import AgentsFirst
from fleet.server.sockets import Sockets

KB = 1024
LONG = 30
"""Seconds that a test has to open a gate."""


class Gates:
    """Where requests wait until the test lets them go on."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        self._by_name: dict[str, threading.Event] = defaultdict(threading.Event)

    def wait(self, name: str) -> None:
        self._note(f"waiting {name}")
        self._by_name[name].wait(LONG)

    def open(self, name: str) -> None:
        self._by_name[name].set()


class SmallPlane:
    """The same methods as the real plane, over a route of each kind."""

    def __init__(self, gates: Gates, note: Callable[[str], None]) -> None:
        self._gates = gates
        self._note = note
        memory = Route("/agents/memory", "memory", 64 * KB, self._from_memory, self._from_memory)
        thread = Route("/agents/thread", "thread", 1024 * KB, self._in_thread, None)
        log = Route("/agents/log", "log", 1024 * KB, self._in_thread, None, writes_files=True)
        self.routes = {route.path: route for route in (memory, thread, log)}

    def _from_memory(self, body: bytes, caller: Caller) -> tuple[int, bytes]:
        if body == b"fail":
            raise KeyError("a bug of the plane")
        if body.startswith(b"go "):
            self._gates.open(body.removeprefix(b"go ").decode())
        return 200, body

    def _in_thread(self, body: bytes, caller: Caller) -> tuple[int, bytes]:
        if body == b"fail":
            raise KeyError("a bug of the plane")
        if body == b"slow":
            self._note("asked slowly")
            time.sleep(0.05)
        if body.startswith(b"wait "):
            self._gates.wait(body.removeprefix(b"wait ").decode())
        return 200, orjson.dumps({"size": len(body), "peer": caller.peer, "sent": dict(caller.headers)})

    def at_once(self, route: Route, body: bytes, caller: Caller) -> tuple[int, bytes] | None:
        return route.at_once(body, caller) if route.at_once else None

    def answer(self, route: Route, body: bytes, caller: Caller) -> tuple[int, bytes]:
        return route.answer(body, caller)


def create_site(trace: Path | None = None) -> Flask:
    app = Flask(__name__)
    sock = Sock()
    everybody: set[object] = set()

    def note(event: str) -> None:
        if trace is not None:
            with trace.open("a") as file:
                file.write(event + "\n")

    gates = Gates(note)
    app.extensions["fleet"] = SimpleNamespace(plane=SmallPlane(gates, note), close=lambda: note("flushed"))

    @app.get("/hello")
    def hello() -> str:
        return "ok"

    @app.get("/wait/<name>")
    def waits(name: str) -> str:
        gates.wait(name)
        return "done"

    @app.post("/upload")
    def upload() -> Response:
        name = request.args.get("name")
        digest, size = hashlib.sha256(), 0
        try:
            while chunk := request.stream.read(256 * KB):
                if not size:
                    note(f"upload {name} began")
                digest.update(chunk)
                size += len(chunk)
        except HTTPException as error:
            note(f"upload {name} broke off {error.code}")
            raise
        note(f"upload {name} ended")
        return jsonify(sha256=digest.hexdigest(), size=size)

    @app.post("/refuse-upload")
    def refuse_upload() -> tuple[str, int]:
        return "no", 413

    @app.get("/stream")
    def stream() -> Response:
        name = request.args.get("name")

        def blocks() -> Iterator[bytes]:
            sent = 0
            try:
                for _ in range(100 * 16):
                    yield b"x" * 64 * KB
                    sent += 1
            finally:
                note(f"stream {name} ended after {sent}")

        return Response(blocks(), mimetype="text/csv")

    @app.get("/drip/<name>")
    def drip(name: str) -> Response:
        def drops() -> Iterator[str]:
            yield "0\n"
            gates.wait(name)
            yield "1\n"
            yield "2\n"

        return Response(drops(), mimetype="text/plain")

    @app.get("/break")
    def broken() -> Response:
        def lines() -> Iterator[str]:
            yield "first line\n"
            time.sleep(0.2)
            raise ValueError("half-way")

        return Response(lines(), mimetype="text/plain")

    @app.get("/cookies")
    def cookies() -> Response:
        response = make_response("two")
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    @app.get("/empty/<int:status>")
    def empty(status: int) -> tuple[str, int]:
        return "not to be seen", status

    @app.get("/path/<path:rest>")
    @app.get("/environ")
    def environ(rest: str = "") -> Response:
        plain = {k: v for k, v in request.environ.items() if isinstance(v, str)}
        return jsonify(rest=rest, environ=plain, cookies=request.cookies)

    @app.get("/slow")
    def slow() -> str:
        note("slow began")
        time.sleep(1)
        note("slow ended")
        return "done"

    @app.before_request
    def same_origin() -> None:
        if request.path == "/ws/guarded" and request.headers.get("Origin") != "https://here.test":
            abort(403)

    @sock.route("/ws/echo")
    def echo(ws: Server) -> None:
        while True:
            data = ws.receive(timeout=20)
            if data == "close":
                ws.close(4401, "who are you")
            elif data == "bug":
                raise KeyError("a bug of a handler")
            ws.send(data)

    @sock.route("/ws/guarded")
    def guarded(ws: Server) -> None:
        ws.send("welcome")

    @sock.route("/ws/refusing")
    def refusing(ws: Server) -> None:
        abort(403)

    @sock.route("/ws/tail")
    def tail(ws: Server) -> None:
        for number in range(2000):
            ws.send(f"{number} " + "x" * 200)

    @sock.route("/ws/flood")
    def flood(ws: Server) -> None:
        name, sent = request.args.get("name"), 0
        try:
            while True:
                ws.send("x" * 64 * KB)
                sent += 1
        except ConnectionClosed as closed:
            note(f"flood {name} closed {int(closed.reason)} after {sent}")

    @sock.route("/ws/join")
    def join(ws: Server) -> None:
        name = request.args.get("name")
        ws.send("joined")
        everybody.add(ws)
        try:
            while True:
                ws.receive()
        except ConnectionClosed as closed:
            note(f"{name} left {int(closed.reason)}")
        finally:
            everybody.discard(ws)

    @app.post("/broadcast")
    def broadcast() -> Response:
        members = list(everybody)
        for ws in members:
            ws.send("news")
        return jsonify(len(members))

    sock.init_app(app)
    return app


def create_wsgi() -> AgentsFirst:
    """For gunicorn: `tests.server.site:create_wsgi()`."""
    app = create_site()
    Sockets(app)  # its adapter must leave sockets of other servers alone
    return AgentsFirst(app, app.extensions["fleet"].plane)


def main() -> None:
    """`python -m tests.server.site PORT TRACE [CERT KEY]`"""
    import logging

    from fleet.server.serve import serve

    logging.basicConfig(level=logging.INFO)
    port, trace, *pair = sys.argv[1:]
    cert, key = (Path(path) for path in pair) if pair else (None, None)
    serve(create_site(Path(trace)), host="127.0.0.1", port=int(port), cert=cert, key=key)


if __name__ == "__main__":
    main()
