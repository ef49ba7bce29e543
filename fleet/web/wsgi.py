"""What stands before Flask: the URL prefix, clean paths, and static files."""

import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from whitenoise import WhiteNoise

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

YEAR = 365 * 24 * 3600


def wrap(app: Wsgi, static: Path, prefix: str) -> Wsgi:
    """The application behind its prefix; `/assets/` is served from `static` and kept a year: URLs name versions."""
    files = WhiteNoise(app, root=str(static), prefix="/assets/", max_age=YEAR, add_headers_function=_nosniff)

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
        return files(environ, start_response)  # type: ignore[no-any-return]

    return serve


def _clean(path: str) -> str:
    if "//" not in path and "/." not in path and path != "/api":
        return path
    clean = posixpath.normpath(path) if path else "/"
    clean = "/" + clean.lstrip("/")
    return clean + "/" if (path.endswith("/") and clean != "/") or clean == "/api" else clean


def _nosniff(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
