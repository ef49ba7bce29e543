"""`make demo` does what the README says, the first time and the second."""

import fcntl
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from fleet.demo import instance
from fleet.demo.command import table
from fleet.demo.instance import DemoError, free_address
from tests.ports import free_port

COMMAND = [sys.executable, "-m", "fleet", "demo", "--hosts", "3"]


def environment(folder: Path) -> dict[str, str]:
    """One with settings of another server, and a proxy that does not answer."""
    return {
        "FLEET_DATA_DIR": str(folder), "FLEET_SERVER_ADDRESS": f"127.0.0.1:{free_port()}", "PATH": "/usr/bin:/bin",
        "FLEET_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/production", "http_proxy": "http://127.0.0.1:1",
    }  # fmt: skip


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """A demo that ends by itself."""
    return subprocess.run(
        [*COMMAND, "--once"], env=environment(folder), capture_output=True, text=True, timeout=90, check=False
    )


def demo(folder: Path) -> str:
    """What the demo prints."""
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a first demo, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, demo(folder)


def test_every_host_answers_and_the_rows_are_a_table(shown: tuple[Path, str]) -> None:
    lines = shown[1].splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("hostname"))
    rows = lines[head + 2 : lines.index("", head)]
    assert len(rows) == 4  # three simulated hosts and this computer
    assert all(len(row.split()) >= 5 for row in rows)


def test_the_password_is_printed_once_and_kept_for_its_owner_alone(shown: tuple[Path, str]) -> None:
    folder, first = shown
    kept = folder / "demo" / "admin.json"
    password = json.loads(kept.read_text())["password"]
    assert password in first
    assert kept.stat().st_mode & 0o077 == 0
    second = demo(folder)
    assert password not in second
    assert "http://localhost:" in second


def test_a_demo_serves_until_it_is_stopped(shown: tuple[Path, str]) -> None:
    settings = environment(shown[0]) | {"PYTHONUNBUFFERED": "1"}
    url = f"http://{settings['FLEET_SERVER_ADDRESS']}/healthz"
    with subprocess.Popen(COMMAND, env=settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert any(line.startswith("Serving until") for line in process.stdout)
            assert requests.get(url, timeout=20).status_code == 200
        finally:
            process.terminate()
        assert "goes on where this left off" in process.stdout.read()
    assert process.returncode == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=20)


def test_the_first_free_port_of_the_usual_ones_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, free = taken.getsockname()[1], free_port()
        monkeypatch.setattr(instance, "PORTS", [port, free])
        assert free_address() == f"127.0.0.1:{free}"
        monkeypatch.setattr(instance, "PORTS", [port])
        with pytest.raises(DemoError, match="FLEET_SERVER_ADDRESS"):
            free_address()


def test_one_demo_at_a_time_uses_a_folder(shown: tuple[Path, str]) -> None:
    with (shown[0] / "demo" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = run(shown[0])
    assert refused.returncode == 1
    assert "another demo is running" in refused.stderr


def test_a_demo_that_was_stopped_before_its_setup_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    kept = {"email": "admin@example.com", "password": "correct horse 7 battery!"}
    (folder / "admin.json").write_text(json.dumps(kept))
    assert kept["password"] in demo(tmp_path)


def test_a_broken_file_of_the_demo_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "admin.json").write_text("[")
    refused = run(tmp_path)
    assert refused.returncode == 1
    assert f"delete the folder {tmp_path / 'demo'}" in refused.stderr


def test_cells_cannot_reach_the_terminal() -> None:
    assert table(["a"], [{"a": "\x1b[31mred\n"}]) == ["a", "-" * 9, "?[31mred?"]


def test_numbers_stand_to_the_right() -> None:
    assert table(["name", "n"], [{"name": "x", "n": "5"}, {"name": "y", "n": "10"}])[2:] == ["x      5", "y     10"]
