"""Distributed queries: what the server wants to know now, and the answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import orjson

from fleet.schema import Failed, Result, TimedOut

Run = Callable[[str], Result]

DENYLISTED = "distributed query is denylisted"


class BadWork(ValueError):
    """A response to distributed/read that is not what the protocol says."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one distributed/read asked for."""

    queries: Mapping[str, str] = field(default_factory=dict)
    discovery: Mapping[str, str] = field(default_factory=dict)
    accelerate: int = 0


NOTHING = Work()


def read(body: bytes) -> Work:
    """The work of a response; most have none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadWork("distributed/read did not answer with JSON") from error
    if not isinstance(document, dict):
        raise BadWork("distributed/read did not answer with an object")
    queries, accelerate = _texts(document.get("queries")), document.get("accelerate")
    accelerate = accelerate if isinstance(accelerate, int) and not isinstance(accelerate, bool) else 0
    if not queries and not accelerate:
        return NOTHING
    return Work(queries, _texts(document.get("discovery")), accelerate)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {name: sql for name, sql in value.items() if isinstance(sql, str) and sql}


@dataclass(slots=True)
class Answers:
    """The body of distributed/write."""

    queries: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    stats: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, name: str, rows: list[dict[str, str]], wall: float, cpu: float) -> None:
        """A query that was answered."""
        self.queries[name], self.statuses[name], self.messages[name] = rows, 0, ""
        self.stats[name] = {
            "wall_time_ms": round(wall * 1000),
            "user_time": round(cpu * 1000),
            "system_time": 0,
            "memory": 0,
        }

    def fail(self, name: str, message: str) -> None:
        """A query that could not be answered."""
        self.queries[name], self.statuses[name], self.messages[name] = [], 1, message
        self.stats[name] = {}

    def only(self, name: str) -> "Answers":
        """One of the answers."""
        return Answers(
            queries={name: self.queries[name]},
            statuses={name: self.statuses[name]},
            messages={name: self.messages[name]},
            stats={name: self.stats[name]},
        )

    def body(self, node_key: str) -> bytes:
        """As osqueryd writes it."""
        return orjson.dumps(
            {
                "node_key": node_key,
                "queries": self.queries,
                "statuses": self.statuses,
                "messages": self.messages,
                "stats": self.stats,
            }
        )


class Denylist:
    """Distributed queries that once took too long are not run again for a day."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def __contains__(self, sql: str) -> bool:
        return self._until.get(sql, 0) > time.time()

    def add(self, sql: str, seconds: float) -> None:
        """Refuse a query for so long."""
        now = time.time()
        self._until = {sql: until for sql, until in self._until.items() if until > now}
        self._until[sql] = now + seconds


def answer(work: Work, run: Run, denylist: Denylist, denylisted_for: float) -> Answers:
    """Run every query whose discovery query, if it has one, gives a row."""
    answers = Answers()
    discovered: dict[str, bool] = {}
    for name, sql in work.queries.items():
        discovery = work.discovery.get(name)
        if discovery is not None:
            if discovery not in discovered:
                discovered[discovery] = gives_rows(run, discovery)
            if not discovered[discovery]:
                continue
        if sql in denylist:
            answers.fail(name, DENYLISTED)
            continue
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            rows = run(sql).rows
        except TimedOut as error:
            denylist.add(sql, denylisted_for)
            answers.fail(name, str(error))
        except Failed as error:
            answers.fail(name, str(error))
        else:
            answers.add(name, rows, time.perf_counter() - wall, time.thread_time() - cpu)
    return answers


def gives_rows(run: Run, sql: str) -> bool:
    """What a discovery query says: whether it has a row. One that fails has none."""
    try:
        return bool(run(sql).rows)
    except Failed:
        return False
