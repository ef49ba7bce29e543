"""The bench itself: it runs, and says all it has to say."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench.report import Row, as_text, at_least, at_most

ROOT = Path(__file__).parents[2]

NAMES = [
    "empty ASGI callable",
    "empty route of a bare Flask",
    "empty route of the agents' plane",
    "empty route of this application (GET)",
    "distributed/read, nothing due",
    "config",
    "log, 5 lines",
    "distributed/write, details",
    "REST: one host",
    "all hosts started at once, until all are enrolled",
    "until the details of all are stored",
    "distributed/read, p99",
    "server CPU for 1,000 hosts",
    "memory of the server, RSS",
    "one live query over all of them",
    "distributed/read meanwhile, p99",
    "from a host's answer to the reader, p99",
    "log, 100 lines",
    "distributed/write, details",
]


def test_a_quick_run_prints_every_row_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "--hosts", "20", "--json"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [name for row, name in zip(rows, NAMES, strict=True) if row["name"].startswith(name)] == NAMES
    assert {row["name"]: row["figure"] for row in rows}["one live query over all of them"] == "20/20 hosts"
    assert rows[0]["to_callable"] == rows[1]["to_flask"] == 1.0
    assert list(tmp_path.iterdir()) == []
    assert not _processes_with(f"TMPDIR={tmp_path}\0")


def test_what_is_not_reached_is_marked_and_named_at_the_end() -> None:
    rows = [
        Row("s", "slow", "1/s", checks=[at_least(0.5, 0.6, "Flask"), at_most(1, 2, "ms")]),
        Row("s", "fast", "2/s", checks=[at_least(0.6, 0.6, "Flask"), at_most(2, 2, "ms")]),
        Row("s", "large", "3 MB", checks=[at_most(3, 2, "MB")]),
        Row("s", "plain", "4/s"),
    ]
    assert [row.mark for row in rows] == ["low", "ok", "low", ""]
    assert as_text(rows, "").splitlines()[-1] == "Below what is to be reached: slow; large."
    assert as_text(rows[1:2], "").splitlines()[-1] == "Everything is reached."


def _processes_with(variable: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable in path.read_text(encoding="utf-8", errors="replace"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found
