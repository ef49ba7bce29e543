"""The log route: results of scheduled queries and status lines, handed on as they were sent."""

import logging

from fleet.agents import slices, wire
from fleet.agents.nodes import Nodes
from fleet.agents.refusals import OsqueryError
from fleet.logsinks import Sinks

log = logging.getLogger("fleet.agents")

NOTHING = b"{}"


class Logging:
    """Writes what hosts log."""

    def __init__(self, nodes: Nodes, sinks: Sinks) -> None:
        self._nodes = nodes
        self._sinks = {"status": sinks.status, "result": sinks.result}

    def answer(self, body: bytes, _address: str) -> bytes:
        """Write the elements of `data`, each byte for byte as a line; acknowledged once they are written."""
        if len(body) > wire.LARGE:
            self._nodes.authenticate(wire.node_key(body))  # before the rest is built in memory
        fields = wire.load(body)
        kind = wire.text(fields, "log_type")
        self._nodes.authenticate(wire.text(fields, "node_key"))
        sink = self._sinks.get(kind)
        if sink is None:
            raise OsqueryError(f"unknown log type: {kind[:128]}")
        data = fields.get("data")
        if data is None:
            return NOTHING
        if not isinstance(data, list):
            raise OsqueryError("data must be an array")
        if data:
            try:
                sink.write(_lines(body))
            except OSError as error:
                log.error("could not write %s logs: %s", kind, error)
                raise OsqueryError(f"error writing {kind} logs", status=500) from error
        return NOTHING


def _lines(body: bytes) -> list[bytes]:
    """The elements of the member that `wire.load` took for the data: the last one of that name."""
    lines: list[bytes] = []
    for name, value in slices.members(body, listed="data"):
        if name == "data":
            lines = value if isinstance(value, list) else []
    return lines
