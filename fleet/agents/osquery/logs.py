"""The log route: results of scheduled queries and status lines, handed on as they were sent."""

import logging
import re
import secrets

import orjson

from fleet.agents import slices, wire
from fleet.agents.nodes import Nodes
from fleet.agents.refusals import OsqueryError
from fleet.agents.wire import Fields
from fleet.logsinks import Sinks

log = logging.getLogger("fleet.agents")

NOTHING = b"{}"

_PLACE = secrets.token_hex(16)
"""Stands where the lines were; nobody who sends a body knows it."""
_PLACED = orjson.dumps(_PLACE)

_BEGIN = re.compile(rb'"data"\s*+:\s*+\[\s*+\{')
_END = re.compile(rb"\}\s*+\]")
_BETWEEN = re.compile(rb"\}\s*+,\s*+\{")


class Logging:
    """Writes what hosts log."""

    def __init__(self, nodes: Nodes, sinks: Sinks) -> None:
        self._nodes = nodes
        self._sinks = {"status": sinks.status, "result": sinks.result}

    def answer(self, body: bytes) -> bytes:
        """Write the elements of `data`, each byte for byte as a line; acknowledged once they are written."""
        if len(body) > wire.LARGE:
            self._nodes.authenticate(wire.node_key(body))  # before the rest is built in memory
        fields, lines = _as_usual(body) or _taken_apart(body)
        kind = wire.text(fields, "log_type")
        self._nodes.authenticate(wire.text(fields, "node_key"))
        sink = self._sinks.get(kind)
        if sink is None:
            raise OsqueryError(f"unknown log type: {kind[:128]}")
        if not isinstance(fields.get("data"), list | None):
            raise OsqueryError("data must be an array")
        if lines:
            try:
                sink.write(lines)
            except OSError as error:
                log.error("could not write %s logs: %s", kind, error)
                raise OsqueryError(f"error writing {kind} logs", status=500) from error
        return NOTHING


def _as_usual(body: bytes) -> tuple[Fields, list[bytes]] | None:
    """The fields and lines of a body in which the lines are objects and split where one seems to end and the next to
    begin; none: look closer.

    It is right about what it takes: if every piece is a document by itself, and the rest is one with something in
    their place, then the whole is, and these are the elements.
    """
    begin = _BEGIN.search(body)
    if begin is None or wire.is_odd(body) or body.count(b"[") + body.count(b"{") > wire.MOST_BRACKETS:
        return None
    end = body.rfind(b"]")
    ends = _END.fullmatch(body, body.rfind(b"}", 0, end), end + 1)
    if ends is None or ends.start() < begin.end():
        return None
    array = body.rfind(b"[", 0, begin.end())
    lines = [b"{%s}" % piece for piece in _BETWEEN.split(body[begin.end() : ends.start()])]
    try:
        for line in lines:
            orjson.loads(line)
        fields = orjson.loads(body[:array] + _PLACED + body[end + 1 :])
    except orjson.JSONDecodeError:
        return None
    if type(fields) is not dict:
        return None
    fields = {name.lower(): value for name, value in fields.items()}
    return (fields | {"data": []}, lines) if fields.get("data") == _PLACE else None


def _taken_apart(body: bytes) -> tuple[Fields, list[bytes]]:
    """The same of any body. The data are the last member of that name, as `wire.load` takes it."""
    fields = wire.load(body)
    lines: list[bytes] = []
    if isinstance(fields.get("data"), list):
        for name, value in slices.members(body, listed="data"):
            if name == "data":
                lines = value if isinstance(value, list) else []
    return fields, lines
