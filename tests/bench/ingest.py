"""What the functions cost that take in logs and details, without HTTP."""

import json
import logging
import time
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

import orjson

from fleet.agents.plane import Caller, Plane
from fleet.application import create_app
from fleet.bundled_agent.node import Node
from fleet.bundled_agent.protocol import LOG, WRITE
from fleet.bundled_agent.simulated import population
from fleet.settings import Settings
from tests.bench.rates import TICK, log_body
from tests.bench.report import Row, at_least

SECTION = "Functions, without HTTP (ratios are to the yardstick that is named)"
LINES = 100


def measure(folder: Path, seconds: float) -> list[Row]:
    """The rows of the table."""
    folder = folder / "ingest"
    secret = "bench-" + "s" * 24
    app = create_app(
        Settings.load({"FLEET_DATA_DIR": str(folder), "FLEET_PACKAGING_GLOBAL_ENROLL_SECRET": secret}),
        background=False,
    )
    try:
        setup = {
            "admin": {"name": "Bench", "email": "bench@example.com", "password": "bench-password-1!"},
            "org_info": {"org_name": "Bench"}, "server_url": "http://localhost",
        }  # fmt: skip
        assert app.test_client().post("/api/v1/setup", json=setup).status_code == 200
        plane = app.extensions["fleet"].plane
        node = Node(lambda path, body, headers: _ask(plane, path, body), secret, next(iter(population("bench", 1))))
        node.enroll()
        answers = node.osqueryd.answer(node.read())
        node.write(answers)
        details = answers.body(node.node_key)
        lines = log_body(node.node_key, LINES)
        naive = _naive(folder / "naive.log")
        # In turns, so that what else the machine does meets both alike.
        log = [_rate(seconds / 2, lambda: _ask(plane, LOG, lines)) for _ in range(2)]
        plain = [_rate(seconds / 2, lambda: naive(lines)) for _ in range(2)]
        write = _rate(seconds, lambda: _ask(plane, WRITE, details))
        loads = _rate(seconds / 4, lambda: orjson.loads(details))
    finally:
        app.extensions["fleet"].close()
    ratio = sum(log) / sum(plain)
    return [
        Row(SECTION, f"log, {LINES} lines", f"{sum(log) / 2 * LINES:,.0f} lines/s",
            checks=[at_least(ratio, 8, "RotatingFileHandler")],
            note=f"{ratio:.1f} times the RotatingFileHandler, a call a line ({sum(plain) / 2 * LINES:,.0f} lines/s)"),
        Row(SECTION, f"distributed/write, details, {len(details)} bytes", f"{write:,.0f}/s",
            note=f"{write / loads:.4f} times orjson.loads alone ({loads:,.0f}/s)"),
    ]  # fmt: skip


def _ask(plane: Plane, path: str, body: bytes) -> tuple[int, bytes]:
    status, answer = plane.answer(plane.routes[path], body, Caller("127.0.0.1", {}))
    if status != 200:
        raise RuntimeError(f"{path}: {status} {answer.decode(errors='replace')}")
    return status, answer


def _naive(path: Path) -> Callable[[bytes], None]:
    logger = logging.getLogger("bench.naive")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.handlers = [RotatingFileHandler(path, maxBytes=500 << 20, backupCount=1)]

    def write(body: bytes) -> None:
        for line in json.loads(body)["data"]:
            logger.info(json.dumps(line))

    return write


def _rate(seconds: float, work: Callable[[], object]) -> float:
    """How often in a second of a processor: other work on the machine does not count."""
    work()
    started = time.process_time()
    deadline, times = time.perf_counter() + seconds, 0
    while time.perf_counter() < deadline:
        work()
        times += 1
    return times / max(time.process_time() - started, TICK)
