"""Lines of the result and status logs, in osquery's JSON."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from .differential import Changes, Row

Line = bytes
Item = dict[str, object]


@dataclass(frozen=True, slots=True)
class Origin:
    """What every line says of where and when it was made."""

    host_identifier: str
    unix_time: int
    decorations: Mapping[str, str]
    top_level: bool = False

    @property
    def when(self) -> Item:
        """The time twice, as osquery has it; for people: Wed Nov 25 22:37:18 2026 UTC."""
        return {
            "hostIdentifier": self.host_identifier,
            "calendarTime": time.asctime(time.gmtime(self.unix_time)) + " UTC",
            "unixTime": self.unix_time,
        }

    @property
    def decorated(self) -> Item:
        """The decorations, where the flags want them."""
        if self.top_level:
            return dict(self.decorations)
        return {"decorations": dict(self.decorations)} if self.decorations else {}

    def of_query(self, name: str, epoch: int, counter: int) -> Item:
        """What a line says of the scheduled query that made it."""
        run = {"epoch": epoch, "counter": counter, "numerics": False}
        return {"name": name, **self.when, **run, **self.decorated}


def differential(origin: Origin, name: str, epoch: int, changes: Changes, *, events: bool) -> list[Line]:
    """One line for each row that came or went, or one for all of them."""
    about = origin.of_query(name, epoch, changes.counter)
    if not events:
        return [orjson.dumps({"diffResults": {"removed": changes.removed, "added": changes.added}, **about})]
    return [
        orjson.dumps({**about, "columns": row, "action": action})
        for action, rows in (("removed", changes.removed), ("added", changes.added))
        for row in rows
    ]


def snapshot(origin: Origin, name: str, epoch: int, rows: list[Row], *, events: bool) -> list[Line]:
    """All rows of a run in one line, or one line for each."""
    about = origin.of_query(name, epoch, 0)
    if events:
        return [orjson.dumps({**about, "columns": row, "action": "snapshot"}) for row in rows]
    return [orjson.dumps({"snapshot": rows, "action": "snapshot", **about})]


def status(origin: Origin, severity: int, message: str, version: str) -> Line:
    """A line of the agent's own log; severity is 0 for information, 1 for a warning, 2 for an error."""
    said = {"severity": severity, "filename": "scheduler.py", "line": 0, "message": message, "version": version}
    return orjson.dumps({**origin.when, **said, **origin.decorated})
