"""What stands before Flask: the scheme that a proxy tells, the URL prefix, clean paths, and static files."""

import posixpath
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from fleet.settings import Server
from fleet.web.assets import Assets, Environ, Wsgi
from fleet.web.context import is_within

AS_IT_IS = "/:@!$&'()*+,;=~"
"""What need not be escaped in a path."""


def wrap(app: Wsgi, assets: Assets, config: Server) -> Wsgi:
    """The application behind its prefix, with what browsers fetch beside pages before it."""
    front, prefix = assets.before(app), config.url_prefix

    def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _came_by_tls(environ, config):
            environ["wsgi.url_scheme"] = "https"
        path = environ.get("PATH_INFO", "")
        if prefix:
            if path != prefix and not path.startswith(prefix + "/"):
                start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
                return [b"404 page not found\n"]
            environ["SCRIPT_NAME"] = prefix
            environ["PATH_INFO"] = path = path[len(prefix) :] or "/"
        clean = _clean(path)
        if clean != path:
            # Escaped again: decoded, a path may hold what ends a header, or what browsers take for a slash.
            location = prefix + quote(clean.encode("latin-1"), safe=AS_IT_IS)
            query = environ.get("QUERY_STRING", "")
            start_response("301 Moved Permanently", [("Location", location + ("?" + query if query else ""))])
            return [b""]
        return front(environ, start_response)

    return serve


def _came_by_tls(environ: Environ, config: Server) -> bool:
    """Whether a trusted proxy says so. Of several proxies the first, where the client came in, stands first."""
    told = environ.get("HTTP_X_FORWARDED_PROTO", "")
    if told.partition(",")[0].strip().lower() != "https":
        return False
    return is_within(environ.get("REMOTE_ADDR", ""), config.trusted_proxies)


def _clean(path: str) -> str:
    if "//" not in path and "/." not in path and path != "/api":
        return path
    clean = posixpath.normpath(path) if path else "/"
    clean = "/" + clean.lstrip("/")
    return clean + "/" if (path.endswith("/") and clean != "/") or clean == "/api" else clean
