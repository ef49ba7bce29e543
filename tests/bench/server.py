"""The server of the rates: the real one, with the yardsticks mounted beside it."""

from flask import Flask

from fleet.agents.plane import Answer, Caller
from fleet.application import create_app
from fleet.server import serve as serving
from fleet.server.bridge import Bridge
from fleet.server.gateway import Gateway
from fleet.server.protocol import Receive, Scope, Send
from fleet.settings import Settings

CALLABLE, FLASK, HOOKS, PLANE = "/bench/callable", "/bench/flask", "/bench/hooks", "/bench/plane"
READ = "/api/v1/osquery/distributed/read"
OK = b"{}"
JSON = [(b"content-type", b"application/json; charset=utf-8")]


class Yardsticks(Gateway):
    """The application to serve, behind a bare callable and a Flask application that has one route and no hooks."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        plain = Flask("plain")
        plain.add_url_rule(FLASK, "empty", lambda: "ok", methods=["POST"])
        self._flask = Bridge(plain)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["path"] == CALLABLE:
            await receive()
            await send({"type": "http.response.start", "status": 200, "headers": JSON})
            await send({"type": "http.response.body", "body": OK, "more_body": False})
        elif scope["path"] == FLASK:
            await self._flask(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def constant(_body: bytes, _caller: Caller) -> Answer:
    """What a route of the plane costs that does nothing."""
    return 200, OK


def main() -> None:
    """Serve until SIGTERM."""
    settings = Settings.load()
    app = create_app(settings)
    plane = app.extensions["fleet"].plane
    plane.routes[PLANE] = plane.routes[READ]._replace(answer=constant, at_once=constant)
    app.add_url_rule(HOOKS, "bench_hooks", lambda: "ok", methods=["GET"])
    setattr(serving, "Gateway", Yardsticks)  # noqa: B010
    serving.serve(app, host=settings.server.host, port=settings.server.port, cert=None, key=None)


if __name__ == "__main__":
    main()
