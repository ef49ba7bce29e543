"""From a request as uvicorn tells it to the environ of WSGI."""

import sys
from collections.abc import Mapping
from typing import IO
from urllib.parse import unquote_to_bytes

from fleet.server.protocol import HeaderList, Scope

Environ = dict[str, object]

_PLAIN = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def header_map(headers: HeaderList) -> Mapping[str, str]:
    """The headers by lower-case name; those sent twice are joined by commas (cookies by semicolons)."""
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    if len(found) == len(headers):
        return found
    found.clear()
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1")
        value = raw_value.decode("latin-1")
        if name in found:
            found[name] += ("; " if name == "cookie" else ",") + value
        else:
            found[name] = value
    return found


def address(host: str) -> str:
    """An address that a client connected from; IPv4 as such also where the socket speaks both."""
    return host.removeprefix("::ffff:")


def build(scope: Scope, headers: Mapping[str, str], body: IO[bytes]) -> Environ:
    """The environ; nothing of the process's own environment is in it.

    PATH_INFO is decoded once, as WSGI wants it; RAW_URI and REQUEST_URI keep what the client sent, because
    some clients escape names twice. A header with an underscore is dropped: it could pass for another.
    """
    raw_path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    target = f"{raw_path}?{query}" if query else raw_path
    version = scope["http_version"]
    environ: Environ = {
        "REQUEST_METHOD": scope.get("method", "GET"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": target,
        "REQUEST_URI": target,
        "SERVER_NAME": scope["server"][0],
        "SERVER_PORT": str(scope["server"][1]),
        "SERVER_PROTOCOL": f"HTTP/{'1.0' if version == '1' else version}",
        "REMOTE_ADDR": address(scope["client"][0]),
        "REMOTE_PORT": str(scope["client"][1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"]),
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in headers.items():
        if "_" not in name and not (name == "host" and not value):
            environ[_PLAIN.get(name) or "HTTP_" + name.upper().replace("-", "_")] = value
    return environ
