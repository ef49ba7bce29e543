"""The five endpoints of osquery's remote API, and what their responses mean."""

import gzip

import orjson

ENROLL = "/api/v1/osquery/enroll"
CONFIG = "/api/v1/osquery/config"
READ = "/api/v1/osquery/distributed/read"
WRITE = "/api/v1/osquery/distributed/write"
LOG = "/api/v1/osquery/log"

COMPRESS_FROM = 1024  # bytes; below, the header costs more than it saves


class Refused(Exception):
    """The server answered with an error; it says whether the node key is no longer good."""

    def __init__(self, status: int, message: str, *, node_invalid: bool) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.node_invalid = node_invalid


def check(status: int, body: bytes) -> bytes:
    """The body of a good response; raises Refused."""
    invalid, message = False, ""
    if status != 200 or b"node_invalid" in body:
        invalid, message = _complaint(body)
    if status != 200 or invalid:
        raise Refused(status, message, node_invalid=invalid)
    return body


def _complaint(body: bytes) -> tuple[bool, str]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False, body[:200].decode("utf-8", "replace")
    if not isinstance(document, dict):
        return False, ""
    message = document.get("error") or document.get("message") or ""
    return document.get("node_invalid") in (True, "true"), str(message)[:200]


def node_key(body: bytes) -> str:
    """The key that enrolling gave; raises Refused when there is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    key = document.get("node_key") if isinstance(document, dict) else None
    if not isinstance(key, str) or not key:
        raise Refused(200, "the server gave no node key", node_invalid=True)
    return key


def quoted(key: str) -> bytes:
    """A node key as JSON."""
    return orjson.dumps(key)


def only_key(key: str) -> bytes:
    """The body of config and distributed/read."""
    return b'{"node_key":%b}' % orjson.dumps(key)


def compressed(body: bytes, wanted: bool) -> tuple[bytes, bool]:
    """The body to send, and whether it is gzip."""
    if not wanted or len(body) < COMPRESS_FROM:
        return body, False
    return gzip.compress(body, compresslevel=1, mtime=0), True
