"""What changed between two runs of a scheduled query."""

import zlib
from collections import Counter
from dataclasses import dataclass, field

import orjson

Row = dict[str, str]


@dataclass(slots=True)
class Changes:
    """Rows that came and rows that went, and which run of the query this is."""

    added: list[Row] = field(default_factory=list)
    removed: list[Row] = field(default_factory=list)
    counter: int = 0

    @property
    def worth_logging(self) -> bool:
        """Whether there is anything to say."""
        return bool(self.added or self.removed)


class Previous:
    """The results of the last run, kept small: hundreds of queries of thousands of hosts wait here."""

    __slots__ = ("_counter", "_epoch", "_packed")

    def __init__(self) -> None:
        self._epoch: int | None = None
        self._counter = 0
        self._packed = b""

    def count_anew(self) -> None:
        """The SQL is another: what changes next is counted as 0."""
        self._counter = -1

    def compare(self, rows: list[Row], epoch: int) -> Changes:
        """The changes since the last run; a new epoch starts over and counts from 0."""
        current = Counter(map(_line, rows))
        if self._epoch != epoch:
            changes = Changes(added=list(rows))
            self._counter = 0
        else:
            previous = Counter(self._lines())
            changes = Changes(_rows(current - previous), _rows(previous - current))
            if changes.worth_logging:
                self._counter += 1
        if self._epoch != epoch or changes.worth_logging:
            self._packed = zlib.compress(b"\n".join(current.elements()), level=1)
        self._epoch = epoch
        changes.counter = self._counter
        return changes

    def _lines(self) -> list[bytes]:
        return zlib.decompress(self._packed).splitlines() if self._packed else []


def _line(row: Row) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def _rows(lines: Counter[bytes]) -> list[Row]:
    return [orjson.loads(line) for line in lines.elements()]
