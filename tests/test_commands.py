"""The command line names every command and every setting, and a bad setting is one clear line."""

import os
import re
import socket
import subprocess
import sys

from fleet.settings import variables


def fleet(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "fleet", *arguments],
        env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_help_lists_every_command_and_every_setting() -> None:
    text = fleet("--help").stdout
    listed = {line.split()[0] for line in text.splitlines() if re.match(r"  \S", line)}
    assert {"serve", "demo", "agent", "migration", "vendor"} < listed
    assert {variable for variable, *_ in variables()} < listed


def test_a_bad_setting_stops_the_start_with_one_line() -> None:
    done = fleet("serve", FLEET_SESSION_DURATION="soon")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines() == [
        "fleet: FLEET_SESSION_DURATION: must be a duration such as 90s, 30m, 1h30m or 5d"
    ]


def test_a_port_in_use_is_one_clear_line(tmp_path: object) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = fleet("serve", FLEET_SERVER_ADDRESS=address, FLEET_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert address in done.stderr
