"""A small Flask application with an agents' plane, served for the tests of the server layer."""

import hashlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import orjson
from flask import Flask, Response, abort, jsonify, make_response, request
from flask_sock import ConnectionClosed, Sock
from simple_websocket import Server
from werkzeug.exceptions import ClientDisconnected

from fleet.agents.plane import Caller, Route
from fleet.server.middleware import AgentsFirst
from fleet.server.sockets import Sockets

KB = 1024


def at_once(body: bytes, caller: Caller) -> tuple[int, bytes]:
    if body == b"fail":
        raise KeyError("a bug of the plane")
    return 200, body


def in_thread(body: bytes, caller: Caller) -> tuple[int, bytes]:
    if body == b"fail":
        raise KeyError("a bug of the plane")
    time.sleep(0.05 if body == b"slow" else 0)
    return 200, orjson.dumps({"size": len(body), "peer": caller.peer, "sent": dict(caller.headers)})


class SmallPlane:
    """The same methods as the real plane, over two routes."""

    def __init__(self) -> None:
        memory = Route("/agents/memory", "memory", 64 * KB, at_once, at_once)
        thread = Route("/agents/thread", "thread", 1024 * KB, in_thread, None)
        self.routes = {route.path: route for route in (memory, thread)}

    def at_once(self, route: Route, body: bytes, caller: Caller) -> tuple[int, bytes] | None:
        return route.at_once(body, caller) if route.at_once else None

    def answer(self, route: Route, body: bytes, caller: Caller) -> tuple[int, bytes]:
        return route.answer(body, caller)


def create_site(trace: Path | None = None) -> Flask:
    app = Flask(__name__)
    sock = Sock()
    events: list[str] = []
    everybody: set[object] = set()

    def note(event: str) -> None:
        events.append(event)
        if trace is not None:
            with trace.open("a") as file:
                file.write(event + "\n")

    app.extensions["fleet"] = SimpleNamespace(plane=SmallPlane(), close=lambda: note("flushed"))

    @app.get("/hello")
    def hello() -> str:
        return "ok"

    @app.get("/events")
    def told() -> Response:
        return jsonify(events)

    @app.post("/upload")
    def upload() -> Response:
        digest, size, largest = hashlib.sha256(), 0, 0
        try:
            while chunk := request.stream.read(256 * KB):
                digest.update(chunk)
                size += len(chunk)
                largest = max(largest, len(chunk))
        except ClientDisconnected:
            note(f"upload broke off {request.args['name']}")
            raise
        note(f"upload ended {request.args.get('name')}")
        return jsonify(sha256=digest.hexdigest(), size=size, largest=largest)

    @app.post("/refuse-upload")
    def refuse_upload() -> tuple[str, int]:
        return "no", 413

    @app.get("/stream")
    def stream() -> Response:
        def blocks() -> Iterator[bytes]:
            sent = 0
            try:
                for _ in range(100 * 16):
                    yield b"x" * 64 * KB
                    sent += 1
            finally:
                note(f"stream ended after {sent}")

        return Response(blocks(), mimetype="text/csv")

    @app.get("/drip")
    def drip() -> Response:
        def drops() -> Iterator[str]:
            for number in range(3):
                yield f"{number}\n"
                time.sleep(0.3)

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
        return "", status

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
        sent = 0
        try:
            while True:
                ws.send("x" * 64 * KB)
                sent += 1
        except ConnectionClosed as closed:
            note(f"flood closed {int(closed.reason)}")

    @sock.route("/ws/join")
    def join(ws: Server) -> None:
        ws.send("joined")
        everybody.add(ws)
        try:
            while True:
                ws.receive()
        except ConnectionClosed as closed:
            note(f"left {int(closed.reason)}")
        finally:
            everybody.discard(ws)

    @app.post("/broadcast")
    def broadcast() -> Response:
        members = list(everybody)
        for ws in members:
            ws.send("news")
        return jsonify(len(members))

    @app.get("/threads")
    def threads() -> Response:
        return jsonify(threading.active_count())

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
