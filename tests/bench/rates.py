"""How many requests a second the server answers, beside yardsticks on the same server in the same run."""

import json
import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from fleet.bundled_agent.node import Node, over_http
from fleet.bundled_agent.protocol import CONFIG, LOG, READ, WRITE, only_key
from fleet.bundled_agent.simulated import population
from tests.bench.load import Job
from tests.bench.load import Outcome as Load
from tests.bench.processes import CLIENT, Process
from tests.bench.report import NOTE, Row, at_least
from tests.bench.server import CALLABLE, FLASK, HOOKS, PLANE
from tests.bench.site import Site

SECTION = "Rates: one server process, {connections} kept-alive connections"
WARM_UP = 0.3
LINES = 5
TICK = 0.01
"""Seconds: what the kernel counts a process's time in."""
BUSY = 0.97
"""Share of its core from which on the load generator may be what limits a rate."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long the rates are looked at."""

    connections: int = 32
    rounds: int = 3
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What is asked for, by every connection in its own name, and the ratios to reach."""

    name: str
    requests: list[str]
    to_callable: float | None = None
    to_flask: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one operation did in one round."""

    load: Load
    cost: float
    """Seconds of a processor that the server spent on one request."""


def measure(folder: Path, effort: Effort) -> list[Row]:
    """The rows of the table."""
    with (
        Site(folder / "rates", "tests.bench.server") as site,
        Process("tests.bench.load", core=CLIENT, log=folder / "load.log") as load,
    ):
        site.set_up()
        operations = list(_operations(site, effort.connections))
        outcomes: dict[str, list[Outcome]] = {operation.name: [] for operation in operations}
        # Round by round, so that what else the machine does meets all of them alike.
        for _ in range(effort.rounds):
            for operation in operations:
                outcomes[operation.name].append(_run(load, site, operation, effort.seconds))
    section = SECTION.format(connections=effort.connections)
    return [_row(section, operation, outcomes, operations) for operation in operations]


def _run(load: Process, site: Site, operation: Operation, seconds: float) -> Outcome:
    job = Job(site.port, operation.requests, min(WARM_UP, seconds / 2), seconds)
    before = site.cpu_seconds()
    outcome = Load(**json.loads(load.ask(json.dumps(asdict(job)).encode())))
    if outcome.refused or not outcome.answers:
        raise RuntimeError(f"{operation.name}: {outcome.refused} refused, first {outcome.first_refusal!r}")
    return Outcome(outcome, max(site.cpu_seconds() - before, TICK) / outcome.sent)


def _operations(site: Site, connections: int) -> Iterator[Operation]:
    secret = site.secret()
    for number in range(4):
        site.schedule(f"Processes with a long name {number}", "SELECT pid, name, path, cmdline FROM processes", 3600)
    nodes = [Node(over_http(site.url), secret, host) for host in population("rates", connections)]
    details = []
    for node in nodes:
        node.enroll()
        node.config()
        answers = node.osqueryd.answer(node.read())
        node.write(answers)
        answers.queries = {name: rows for name, rows in answers.queries.items() if "_detail_" in name}
        details.append(answers.body(node.node_key))
    host = site.call("GET", "/hosts")["hosts"][0]["id"]
    keys = [only_key(node.node_key) for node in nodes]
    signed_in = f"Authorization: Bearer {site.token}\r\n"
    yield Operation("empty ASGI callable", _posts(CALLABLE, keys))
    yield Operation("empty route of a bare Flask", _posts(FLASK, keys))
    yield Operation("empty route of the agents' plane", _posts(PLANE, keys))
    yield Operation("empty route of this application (GET)", [_request("GET", HOOKS)] * connections)
    yield Operation("distributed/read, nothing due", _posts(READ, keys), to_callable=0.60, to_flask=2.5)
    yield Operation(f"config, {len(nodes[0].config())} bytes", _posts(CONFIG, keys), to_callable=0.50)
    yield Operation(f"log, {LINES} lines", _posts(LOG, [log_body(n.node_key, LINES) for n in nodes]), to_callable=0.30)
    yield Operation(f"distributed/write, details, {len(details[0])} bytes", _posts(WRITE, details))
    yield Operation("REST: one host", [_request("GET", f"/api/latest/fleet/hosts/{host}", signed_in)] * connections,
                    to_flask=0.15)  # fmt: skip


def log_body(node_key: str, lines: int) -> bytes:
    """Result lines as osqueryd sends them."""
    line = {
        "name": "pack/Global/Processes", "hostIdentifier": "bench", "calendarTime": "Mon Jan  5 10:00:00 2026 UTC",
        "unixTime": 1767607200, "epoch": 0, "counter": 12, "numerics": False, "action": "added",
        "decorations": {"host_uuid": "4740D59F-699E-5B29-960B-979AAF9BBEEB"},
        "columns": {"pid": "4242", "name": "postgres", "path": "/usr/lib/postgresql/18/bin/postgres", "uid": "112"},
    }  # fmt: skip
    return json.dumps({"node_key": node_key, "log_type": "result", "data": [line] * lines}).encode()


def _posts(path: str, bodies: list[bytes]) -> list[str]:
    return [_request("POST", path, body=body) for body in bodies]


def _request(method: str, path: str, headers: str = "", body: bytes = b"") -> str:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n{headers}"
    if method == "POST":
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head + "\r\n" + body.decode("latin-1")


def _row(section: str, operation: Operation, outcomes: dict[str, list[Outcome]], operations: list[Operation]) -> Row:
    callable_, flask = (outcomes[yardstick.name] for yardstick in operations[:2])
    mine = outcomes[operation.name]
    to_callable, to_flask = _ratio(mine, callable_), _ratio(mine, flask)
    cost = statistics.median(outcome.cost for outcome in mine) * 1e6
    p99 = statistics.median(outcome.load.p99 for outcome in mine) * 1000
    notes = [f"CPU {cost:.0f} us", f"p99 {p99:.1f} ms"]
    if statistics.median(outcome.load.cpu for outcome in mine) > BUSY:
        notes.append("the load generator is at its limit")
    checks = []
    if operation.to_callable is not None:
        checks.append(at_least(to_callable, operation.to_callable, "callable"))
    if operation.to_flask is not None:
        checks.append(at_least(to_flask, operation.to_flask, "Flask"))
    return Row(
        section,
        operation.name,
        f"{statistics.median(outcome.load.rate for outcome in mine):,.0f}/s",
        to_callable=to_callable,
        to_flask=to_flask,
        checks=checks,
        note=NOTE.join(notes),
    )


def _ratio(mine: list[Outcome], yardstick: list[Outcome]) -> float:
    """How many of mine the server does in the time of one of the yardstick; the median of the rounds.

    In time of its processor: that is the ratio of the rates where it has a core for itself, and still means
    something where other work runs on that core.
    """
    return statistics.median(other.cost / one.cost for one, other in zip(mine, yardstick, strict=True))
