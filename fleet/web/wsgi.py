"""What stands before Flask: the URL prefix, clean paths, and static files."""

import posixpath
from collections.abc import Callable, Iterable
from typing import Any

from fleet.web.assets import Assets, Environ, Wsgi


def wrap(app: Wsgi, assets: Assets, prefix: str) -> Wsgi:
    """The application behind its prefix, with what browsers fetch beside pages before it."""
    front = assets.before(app)

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if prefix:
            if path != prefix and not path.startswith(prefix + "/"):
                start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"404 page not found\n"]
            environ["SCRIPT_NAME"] = prefix
            environ["PATH_INFO"] = path = path[len(prefix) :] or "/"
        clean = _clean(path)
        if clean != path:
            query = environ.get("QUERY_STRING", "")
            start_response("301 Moved Permanently", [("Location", prefix + clean + ("?" + query if query else ""))])
            return [b""]
        return front(environ, start_response)

    return serve


def _clean(path: str) -> str:
    if "//" not in path and "/." not in path and path != "/api":
        return path
    clean = posixpath.normpath(path) if path else "/"
    clean = "/" + clean.lstrip("/")
    return clean + "/" if (path.endswith("/") and clean != "/") or clean == "/api" else clean
