"""Many hosts at once: they enroll, poll for a while, and all answer one live query."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websocket import WebSocket, WebSocketTimeoutException, create_connection

from tests.bench.agents import figures
from tests.bench.processes import CLIENT, Process, pin
from tests.bench.report import NOTE, Row, at_most
from tests.bench.report import Check as Wanted
from tests.bench.site import Site

SECTION = "{hosts:,} simulated hosts, polling every {interval} s"
ENROLL_SECONDS, READ_MS, MEGABYTES, FRAME_MS = 60, 20, 200, 50
PATIENCE = 80.0
"""Seconds after which the rest is measured, whoever has not enrolled by then."""
CORES_PER_1000, REFERENCE = 0.06, 0.18
# What a host answers: the moment at which it looked, in seconds since 1970, beside rows of the usual kind.
SQL = "SELECT unixepoch('subsec') AS asked_at, name, value FROM osquery_flags LIMIT 5"
LOGGED = "SELECT pid, name, path FROM processes LIMIT 3"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many hosts, how often they poll, and how long they are watched."""

    hosts: int = 1000
    interval: int = 10
    seconds: float = 60.0  # the longest of the agents' intervals: everything they do is in it


@dataclass(slots=True)
class Live:
    """How one live query went."""

    seconds: float
    hosts: set[int]
    rows: int
    delays: list[float]


def measure(folder: Path, crowd: Crowd) -> list[Row]:
    """The rows of the table."""
    section = SECTION.format(hosts=crowd.hosts, interval=crowd.interval)
    with Site(folder / "hosts") as site:
        site.set_up()
        site.schedule("Some processes", LOGGED, 2 * crowd.interval)
        agents = Process(
            "tests.bench.agents", site.url, str(crowd.hosts), str(crowd.interval),
            core=CLIENT, log=folder / "agents.log", environment={"BENCH_SECRET": site.secret()},
        )  # fmt: skip
        with agents:
            rows = _enrolling(section, site, agents, crowd)
            rows += _polling(section, site, agents, crowd)
            rows += _asking(section, site, agents, crowd)
    return rows


def _enrolling(section: str, site: Site, agents: Process, crowd: Crowd) -> list[Row]:
    figures(agents)  # all hosts are made
    started, cpu = time.monotonic(), site.cpu_seconds()
    figures(agents, "start")
    enrolled = described = waited = 0.0
    while not described and waited < PATIENCE:
        time.sleep(0.1)
        now = figures(agents)
        waited = time.monotonic() - started
        if not enrolled and now["enrolled"] == crowd.hosts:
            enrolled = waited
        if enrolled and _latency(now, "write")["count"] >= crowd.hosts:
            described = waited
    there = int(now["enrolled"])
    if not there:
        raise RuntimeError(f"no host has enrolled after {waited:.0f} s: {now['errors']}")
    each = (site.cpu_seconds() - cpu) * 1000 / there
    return [
        Row(section, "all hosts started at once, until all are enrolled",
            f"{enrolled:.1f} s" if enrolled else f"{there} of {crowd.hosts}",
            checks=[Wanted(f"<= {ENROLL_SECONDS} s", 0 < enrolled <= ENROLL_SECONDS)]),
        Row(section, "until the details of all are stored", f"{described:.1f} s" if described else "not yet",
            note=f"server CPU {each:.1f} ms a host"),
    ]  # fmt: skip


def _polling(section: str, site: Site, agents: Process, crowd: Crowd) -> list[Row]:
    time.sleep(min(1.5 * crowd.interval, crowd.seconds))  # everybody finds a rhythm, and has its configuration
    figures(agents, "reset")
    started, cpu, agents_cpu = time.monotonic(), site.cpu_seconds(), agents.cpu_seconds()
    time.sleep(crowd.seconds)
    now = figures(agents)
    seconds = time.monotonic() - started
    share = (site.cpu_seconds() - cpu) / seconds * 1000 / crowd.hosts
    agents_share = (agents.cpu_seconds() - agents_cpu) / seconds
    read = _latency(now, "read")
    counts = {endpoint: _latency(now, endpoint)["count"] / seconds for endpoint in ("read", "write", "config", "log")}
    mix = NOTE.join(f"{endpoint} {count:.0f}" for endpoint, count in counts.items())
    usage = f"the reference {REFERENCE}; the agents {agents_share:.2f}"
    rss, pss = site.megabytes()
    return [
        Row(section, "distributed/read, p99", f"{read['p99']:.1f} ms", checks=[at_most(read["p99"], READ_MS, "ms")],
            note=NOTE.join([f"p50 {read['p50']:.1f} ms", f"{read['count']} polls", _errors(now)])),
        Row(section, "server CPU for 1,000 hosts", f"{share:.3f} cores",
            checks=[at_most(share, CORES_PER_1000, "cores")],
            note=f"{sum(counts.values()):.0f} requests/s ({mix}); {usage}"),
        Row(section, "memory of the server, RSS", f"{rss:.0f} MB", checks=[at_most(rss, MEGABYTES, "MB")],
            note=f"PSS {pss:.0f} MB"),
    ]  # fmt: skip


def _asking(section: str, site: Site, agents: Process, crowd: Crowd) -> list[Row]:
    figures(agents, "reset")
    live = _live_query(site, crowd)
    now = figures(agents)
    read = _latency(now, "read")
    delays = sorted(live.delays)
    p50, p99 = (delays[min(len(delays) * percent // 100, len(delays) - 1)] * 1000 for percent in (50, 99))
    answered = len(live.hosts)
    return [
        Row(section, "one live query over all of them", f"{answered}/{crowd.hosts} hosts",
            checks=[Wanted(f"{crowd.hosts}/{crowd.hosts} hosts", answered == crowd.hosts)],
            note=f"complete after {live.seconds:.1f} s, {live.rows} rows"),
        Row(section, "distributed/read meanwhile, p99", f"{read['p99']:.1f} ms",
            checks=[at_most(read["p99"], READ_MS, "ms")], note=NOTE.join([f"p50 {read['p50']:.1f} ms", _errors(now)])),
        Row(section, "from a host's answer to the reader, p99", f"{p99:.0f} ms",
            checks=[at_most(p99, FRAME_MS, "ms")], note=f"p50 {p50:.0f} ms"),
    ]  # fmt: skip


def _live_query(site: Site, crowd: Crowd) -> Live:
    """Run it, and read the frames beside the agents, on their core."""
    pin(CLIENT)
    started = time.monotonic()
    deadline = started + 3 * crowd.interval + 10
    campaign = site.call("POST", "/queries/run", {"query": SQL, "selected": {"labels": [6]}})["campaign"]["id"]
    address = site.url.replace("http", "ws", 1) + "/api/latest/fleet/results/websocket"
    socket = create_connection(address, timeout=2, suppress_origin=True)
    live = Live(0.0, set(), 0, [])
    try:
        socket.send(json.dumps({"type": "auth", "data": {"token": site.token}}))
        socket.send(json.dumps({"type": "select_campaign", "data": {"campaign_id": campaign}}))
        while len(live.hosts) < crowd.hosts and time.monotonic() < deadline:
            message, now = _next(socket), time.time()
            if message is not None and message["type"] == "result":
                rows = message["data"]["rows"]
                live.hosts.add(message["data"]["host"]["id"])
                live.rows += len(rows)
                if rows:
                    live.delays.append(now - float(rows[0]["asked_at"]))
    finally:
        live.seconds = time.monotonic() - started
        socket.close()
    return live


def _next(socket: WebSocket) -> dict[str, Any] | None:
    try:
        return dict(json.loads(socket.recv()))
    except WebSocketTimeoutException:
        return None


def _latency(counters: dict[str, Any], endpoint: str) -> dict[str, float]:
    return dict(counters["latencies"].get(endpoint, {"count": 0, "p50": 0.0, "p99": 0.0}))


def _errors(counters: dict[str, Any]) -> str:
    return f"errors {counters['errors']}" if counters["errors"] else "no errors"
