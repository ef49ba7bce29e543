"""Where the page stands that opens a socket."""

from urllib.parse import urlsplit

from flask import request


def own_origin(*, missing: bool) -> bool:
    """Whether the Origin of the request is this server; `missing`: what holds for programs, which send none."""
    origin = request.headers.get("Origin")
    if origin is None:
        return missing
    return urlsplit(origin).netloc.lower() == request.host.lower()
