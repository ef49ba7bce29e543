"""Headers that every answer carries: what a page may load, and how long it is kept."""

import gzip
import re
import secrets

from flask import Flask, Response, request

from fleet.web.context import runtime
from fleet.web.errors import is_api

SMALL = 1024
"""Bytes of a page that is not worth compressing."""

ORIGIN = re.compile(r"(https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?)(?:[/?#]|$)")
"""Where a picture comes from; an address of another form, though a browser may know it, is not let into the policy."""


def policy(logo_url: str) -> str:
    """The Content-Security-Policy of pages: our own files only, and the organization's logo."""
    logo = ORIGIN.match(logo_url)
    images = f" {logo[1]}" if logo else ""
    socket = f"wss://{request.host}" if request.is_secure else f"ws://{request.host}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        f"img-src 'self' data:{images}; connect-src 'self' {socket}; form-action 'self'; "
        "frame-ancestors 'self'; base-uri 'none'"
    )


def install(app: Flask) -> None:
    """Set them on every answer of this application."""

    @app.after_request
    def set_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Cache-Control", "no-store")
        if is_api(request.path):
            return response
        headers.setdefault("Content-Security-Policy", policy(runtime().organization.current().logo_url))
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains;")
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        response.vary.update(["HX-Request", "HX-Target", "Cookie", "Accept-Encoding"])
        return _compressed(response)


def _compressed(response: Response) -> Response:
    if (
        response.mimetype != "text/html"
        or response.is_streamed
        or response.content_encoding
        or request.accept_encodings["gzip"] <= 0
        or len(response.get_data()) < SMALL
    ):
        return response
    # A name of random length in the gzip header hides the exact size of pages that hold secrets.
    packed = gzip.compress(response.get_data(), compresslevel=5, mtime=0)
    padding = b"x" * (1 + secrets.randbelow(64))
    header = packed[:3] + bytes([packed[3] | 0x08]) + packed[4:10] + padding + b"\x00"
    response.set_data(header + packed[10:])
    response.content_encoding = "gzip"
    return response
