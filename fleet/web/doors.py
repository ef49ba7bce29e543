"""The doors of the admin plane: who is asking, one transaction, one answer.

A handler authorizes, parses, calls the domain and returns what is shown. The door commits when it returns,
rolls back when it raises, and refuses to answer for a handler that never asked who may.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from fleet.authz.check import Actor
from fleet.db.engine import READS
from fleet.errors import FleetError
from fleet.extensions import db
from fleet.web import csrf
from fleet.web.context import runtime
from fleet.web.json import dump
from fleet.web.pages import go_elsewhere
from fleet.web.parsing import DEFAULT_CAP, read_body

log = logging.getLogger(__name__)

V1 = ("v1",)
ALL = ("v1", "2022-04", "latest")
SINCE_2022 = ("2022-04", "latest")
"""API versions that a route answers under; `latest` is another name for the newest."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

Handler = Callable[..., Any]
Json = dict[str, Any] | tuple[dict[str, Any], int] | Response
"""What a handler returns: an object, an object with a status, or a whole response."""


class Api(Blueprint):
    """A blueprint whose routes stand under `/api/{version}/fleet`, take a bearer token, and answer JSON."""

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        """A route that reads."""
        return self.handles("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        """A route that makes something."""
        return self.handles("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        """A route that changes something."""
        return self.handles("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        """A route that deletes something."""
        return self.handles("DELETE", path, **options)

    def handles(
        self,
        method: str,
        path: str,
        *,
        versions: tuple[str, ...] = ALL,
        literal: bool = False,
        reads: bool = False,
        cap: int = DEFAULT_CAP,
    ) -> Callable[[Handler], Handler]:
        """Mount a handler. `literal`: the path is whole; `reads`: no write, whatever the method; `cap`: bytes of
        the body, on the wire and after inflating."""

        def mount(view: Handler) -> Handler:
            listed = ",".join(f'"{version}"' for version in versions)
            rule = path if literal else f"/api/<any({listed}):api_version>/fleet{path}"
            endpoint = f"{view.__name__}_{method}_{'_'.join(versions)}".replace("-", "_").lower()
            self.add_url_rule(
                rule,
                endpoint,
                _json_door(view, reads=reads or method in SAFE, cap=cap),
                methods=[method],
                provide_automatic_options=False,
                strict_slashes=True,
            )
            return view

        return mount


def api(name: str, import_name: str) -> Api:
    """The JSON door of a feature."""
    return Api(f"{name}_api", import_name)


def _json_door(view: Handler, *, reads: bool, cap: int) -> Handler:
    @functools.wraps(view)
    def handler(**arguments: Any) -> Response:
        if request.method == "HEAD":
            raise MethodNotAllowed
        arguments.pop("api_version", None)
        _authenticate(runtime().from_bearer, reads=reads)
        if request.method not in SAFE or request.content_length:
            g.body = read_body(cap)  # before the handler's transaction: a slow client must not hold a lock
        result = _in_transaction(lambda: present(view(**arguments)), reads=reads)
        assert isinstance(result, Response)
        return result

    handler.fleet_door = "api"  # type: ignore[attr-defined]
    return handler


class Pages(Blueprint):
    """A blueprint of pages for people: a cookie, a CSRF token on whatever is not a GET, and HTML."""

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        """A page that shows something."""
        return self.handles("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:  # type: ignore[override]
        """A form that does something."""
        return self.handles("POST", path, **options)

    def handles(
        self, method: str, path: str, *, signed_out: bool = False, reads: bool = False
    ) -> Callable[[Handler], Handler]:
        """Mount a handler. `signed_out`: people who are not signed in may come, too; `reads`: no write, whatever the
        method."""

        def mount(view: Handler) -> Handler:
            door = _page_door(view, reads=reads or method in SAFE, signed_out=signed_out)
            endpoint = view.__name__ if method == "GET" else f"{view.__name__}_{method.lower()}"
            self.add_url_rule(
                path, endpoint, door, methods=[method], provide_automatic_options=False, strict_slashes=False
            )
            return view

        return mount


def pages(name: str, import_name: str) -> Pages:
    """The HTML door of a feature; its endpoints are `name.view`, and `name.view_post` for forms."""
    return Pages(name, import_name)


def _page_door(view: Handler, *, reads: bool, signed_out: bool) -> Handler:
    @functools.wraps(view)
    def handler(**arguments: Any) -> Any:
        if request.method not in SAFE:
            csrf.check()
        _authenticate(runtime().from_cookie, reads=reads)
        gate = None if signed_out else go_elsewhere(g.actor)
        return gate or _in_transaction(lambda: view(**arguments), reads=reads)

    handler.fleet_door = "page"  # type: ignore[attr-defined]
    return handler


def present(result: Any) -> Response:
    """What a handler returned, as a response: an object is 200 JSON, `(object, status)` another status."""
    if isinstance(result, Response):
        return result
    body, status = result if isinstance(result, tuple) else (result, 200)
    if status == 204:
        return Response(status=204)
    return Response(dump(body), status, content_type="application/json; charset=utf-8")


def _authenticate(who: Callable[[Session], Actor | None], *, reads: bool) -> None:
    """Find out who is asking. A handler that only reads goes on in the same transaction; one that writes begins
    its own, with the write lock, at its first statement."""
    session = db.session()
    try:
        session.connection(execution_options=READS)
        g.actor = who(session)
    except BaseException:
        session.rollback()
        raise
    if not reads:
        session.rollback()


def _in_transaction(view: Callable[[], Any], *, reads: bool) -> Any:
    """Run a handler in one transaction. What it wrote is stored only if it asked who may, raised nothing and did
    not answer with a refusal (a form that is shown again)."""
    session = db.session()
    try:
        result = view()
        if not g.get("asked", False):
            log.error("handler answered without asking who may", extra={"fields": {"endpoint": request.endpoint}})
            raise FleetError("forbidden", message="forbidden")
        if _status(result) >= 400:
            session.rollback()
            return result
        session.commit()
    except BaseException:
        session.rollback()
        raise
    if not reads:
        try:
            runtime().watcher.poll()
        except SQLAlchemyError as error:  # what was written is stored; the watcher's own thread reads it later
            log.warning("could not read changes: %s", type(error).__name__)
        for action in g.pop("after_commit", ()):
            action()
    return result


def _status(result: Any) -> int:
    if isinstance(result, AnyResponse):
        return result.status_code
    return result[1] if isinstance(result, tuple) and isinstance(result[1], int) else 200
