"""The agents' plane: a table of what agents call, before Flask and without it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fleet.agents import refusals, wire
from fleet.agents.nodes import Nodes
from fleet.agents.osquery.config import Configs
from fleet.agents.osquery.distributed import Asking
from fleet.agents.osquery.enroll import Enrolling
from fleet.agents.osquery.logs import Logging
from fleet.agents.osquery.schedule import Schedule
from fleet.agents.osquery.writing import Writing
from fleet.errors import FleetError
from fleet.hosts import ingest as hosts
from fleet.logsinks import open_sinks
from fleet.web.context import forwarded_address
from fleet.web.errors import NO_ROUTE
from fleet.web.metrics import NODES, count_agents

if TYPE_CHECKING:
    from fleet.runtime import Runtime

KB, MB = 1 << 10, 1 << 20
SMALL = 4 * KB
"""Bytes of gzip that may be inflated in the event loop."""

HUGE = 4 * MB
"""Bytes of a body from which on it waits for its turn: parsed, it may take thirty times as much memory."""

SEEN = "seen"
NOT_SET_UP = 404, NO_ROUTE


class Caller(NamedTuple):
    """Where a request came from: the socket's address, and by lower-case name the headers that matter here."""

    peer: str
    headers: Mapping[str, str]


Answer = tuple[int, bytes]
"""Status and JSON body."""


class Route(NamedTuple):
    """One path. `answer` may ask the database; `at_once` answers from memory, or gives none."""

    path: str
    name: str
    cap: int  # bytes of a body, on the wire and after inflating
    answer: Callable[[bytes, Caller], Answer]
    at_once: Callable[[bytes, Caller], Answer | None] | None = None
    writes_files: bool = False


class Plane:
    """The routes of the agents. Bodies come as they were on the wire."""

    def __init__(self, runtime: "Runtime") -> None:
        settings, engine = runtime.settings, runtime.engine
        runtime.batch.add(SEEN, hosts.seen)
        schedule = Schedule(
            detail=settings.osquery.detail_update_interval,
            label=settings.osquery.label_update_interval,
            percent=settings.osquery.max_jitter_percent,
        )
        self._settings = settings
        self._nodes = Nodes(engine, schedule, partial(runtime.batch.seen, SEEN))
        self._configs = Configs(engine)
        self._asking = Asking(engine, self._nodes, runtime.live)
        self._sinks = open_sinks(settings)
        # Adding one is not atomic: the event loop counts for itself, threads take turns.
        self._counted_at_once: Counter[tuple[str, int]] = Counter()
        self._counted: Counter[tuple[str, int]] = Counter()
        self._counting = threading.Lock()
        # Of those that write files and of the others, since a file is not to wait for the database.
        self._turns = {writes_files: threading.Lock() for writes_files in (False, True)}
        self._ready = False
        self._setup_required = runtime.setup_required

        for listener in (self._nodes.changed, self._configs.changed, self._asking.changed):
            runtime.watcher.listen(listener)
        runtime.closers += [sink.close for sink in self._sinks]
        NODES.set_function(lambda: len(self._nodes))
        count_agents(self._counts)

        self._writing = Writing(engine, self._nodes, self._asking, runtime.live)
        enrolling = Enrolling(engine, runtime.watcher, settings.osquery)
        logs = Logging(self._nodes, self._sinks)
        table = (
            ("enroll", 1 * MB, lambda body, _caller: (200, enrolling.answer(body)), None),
            ("config", 64 * KB, self._config, self._config_at_once),
            ("distributed/read", 64 * KB, self._read, self._read_at_once),
            ("distributed/write", 32 * MB, self._write, None),
            ("log", 32 * MB, lambda body, _caller: (200, logs.answer(body)), None),
        )
        self.routes: dict[str, Route] = {}
        self._after_setup: set[str] = set()
        for name, cap, answer, at_once in table:
            for family in ("/api/osquery/", "/api/v1/osquery/"):
                path = f"{settings.server.url_prefix}{family}{name}"
                self.routes[path] = Route(path, name, cap, answer, at_once, writes_files=name == "log")
                if family == "/api/osquery/":
                    self._after_setup.add(path)

    def at_once(self, route: Route, body: bytes, caller: Caller) -> Answer | None:
        """The answer from memory, or none: it needs a thread. For the event loop only."""
        if route.at_once is None or len(body) > SMALL or (not self._ready and route.path in self._after_setup):
            return None
        try:
            answer = route.at_once(wire.inflate(body, caller.headers, route.cap), caller)
        except FleetError as error:
            answer = refusals.present(error)
        if answer is not None:
            self._counted_at_once[route.name, answer[0]] += 1
        return answer

    def answer(self, route: Route, body: bytes, caller: Caller) -> Answer:
        """The answer, whatever it takes."""
        status = 500  # of a bug, which goes on to whoever serves
        try:
            status, content = self._answer(route, body, caller)
            return status, content
        finally:
            with self._counting:
                self._counted[route.name, status] += 1

    def rotate_logs(self) -> None:
        """Start new log files, if files are rotated at all (SIGHUP)."""
        for sink in self._sinks:
            sink.rotate()

    def _answer(self, route: Route, body: bytes, caller: Caller) -> Answer:
        try:
            if not self._ready and route.path in self._after_setup:
                self._ready = not self._setup_required()
                if not self._ready:
                    return NOT_SET_UP
            body = wire.inflate(body, caller.headers, route.cap)
            with self._turns[route.writes_files] if len(body) > HUGE else nullcontext():
                return route.answer(body, caller)
        except FleetError as error:
            return refusals.present(error)
        except (DBAPIError, PoolTimeout) as error:
            return refusals.present(refusals.of_database(error))

    def _counts(self) -> Iterator[tuple[str, int, int]]:
        """How often each route was asked, by the status of the answer."""
        with self._counting:
            counted = self._counted + self._counted_at_once.copy()
        for (name, status), count in counted.items():
            yield name, status, count

    def _read_at_once(self, body: bytes, _caller: Caller) -> Answer | None:
        node = self._nodes.known(wire.node_key(body))
        answer = self._asking.at_once(node) if node is not None else None
        return None if answer is None else (200, answer)

    def _read(self, body: bytes, _caller: Caller) -> Answer:
        key = wire.node_key(body)
        node = self._nodes.known(key)
        if node is None:
            return 200, self._asking.answer(self._nodes.authenticate(key))
        return 200, self._asking.answer(self._asking.current(node))

    def _write(self, body: bytes, caller: Caller) -> Answer:
        forwarded = caller.headers.get("x-forwarded-for", "")
        return 200, self._writing.answer(body, forwarded_address(caller.peer, forwarded, self._settings))

    def _config_at_once(self, body: bytes, _caller: Caller) -> Answer | None:
        node = self._nodes.known(wire.node_key(body))
        answer = self._configs.at_once(node) if node is not None else None
        return None if answer is None else (200, answer)

    def _config(self, body: bytes, _caller: Caller) -> Answer:
        return 200, self._configs.answer(self._nodes.authenticate(wire.node_key(body)))
