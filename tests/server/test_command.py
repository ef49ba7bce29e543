"""`fleet serve` and `gunicorn wsgi:app`: the whole application, as it is started."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from fleet.server.tls import ensure_certificate
from tests.server.conftest import Running, running
from tests.test_commands import fleet

SECRET = "a secret of thirty-two characters"
SERVE = [sys.executable, "-m", "fleet", "serve"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--threads=4", "--no-control-socket", "--bind=127.0.0.1:PORT", "wsgi:app"]


def started(folder: Path, command: list[str], **settings: str) -> list[str]:
    """The command with its settings."""
    known = {
        "FLEET_DATA_DIR": str(folder / "data"), "FLEET_SERVER_ADDRESS": "127.0.0.1:PORT",
        "FLEET_PACKAGING_GLOBAL_ENROLL_SECRET": SECRET,
    }  # fmt: skip
    return ["env", *(f"{name}={value}" for name, value in (known | settings).items()), *command]


def wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def post(server: Running, path: str, body: dict[str, object]) -> dict[str, str]:
    answer = requests.post(server.url + path, json=body, timeout=20)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def enroll(server: Running) -> str:
    """Set the instance up, and give the node key of a first host."""
    admin = {"name": "Ada", "email": "ada@example.com", "password": "a long enough password 1!"}
    url = "https://fleet.example.com"
    post(server, "/api/v1/setup", {"admin": admin, "org_info": {"org_name": "Engines"}, "server_url": url})
    return post(server, "/api/osquery/enroll", {"enroll_secret": SECRET, "host_identifier": "one"})["node_key"]


def log(server: Running, node_key: str, word: str) -> None:
    post(server, "/api/osquery/log", {"node_key": node_key, "log_type": "result", "data": [{"word": word}]})


@pytest.mark.parametrize("command", [SERVE, GUNICORN], ids=["serve", "gunicorn"])
def test_hosts_and_their_logs_outlast_the_end_and_the_next_start(tmp_path: Path, command: list[str]) -> None:
    with running(tmp_path, command=started(tmp_path, command)) as server:
        wait(lambda: requests.get(f"{server.url}/healthz", timeout=20).status_code == 200)
        node_key = enroll(server)
        log(server, node_key, "before")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
    with running(tmp_path, command=started(tmp_path, command)) as server:
        log(server, node_key, "after")
        server.process.kill()
    lines = (tmp_path / "data" / "logs" / "result.log").read_text().splitlines()
    assert ["before" in lines[0], "after" in lines[1], len(lines)] == [True, True, 2]


def test_sighup_sets_the_logs_aside_and_ends_nothing(tmp_path: Path) -> None:
    rotating = started(tmp_path, SERVE, FLEET_FILESYSTEM_ENABLE_LOG_ROTATION="true")
    with running(tmp_path, command=rotating) as server:
        node_key = enroll(server)
        log(server, node_key, "before")
        server.process.send_signal(signal.SIGHUP)
        folder = tmp_path / "data" / "logs"
        wait(lambda: list(folder.glob("result-*.log")))
        log(server, node_key, "after")
    assert "after" in (folder / "result.log").read_text()
    assert "before" in next(folder.glob("result-*.log")).read_text()


def test_with_tls_and_no_certificate_one_is_made_and_its_path_printed(tmp_path: Path) -> None:
    with running(tmp_path, command=started(tmp_path, SERVE, FLEET_SERVER_TLS="true")) as server:
        cert = tmp_path / "data" / "server-cert.pem"
        answer = requests.get(f"https://127.0.0.1:{server.port}/healthz", verify=str(cert), timeout=20)
        assert answer.status_code == 200
        assert f"fleet: serving with a self-signed certificate, {cert}\n" in server.log.read_text()


def test_a_pair_that_does_not_belong_together_stops_the_start_with_one_line(tmp_path: Path) -> None:
    (cert, _), (_, key) = ensure_certificate(tmp_path / "a"), ensure_certificate(tmp_path / "b")
    pair = {"FLEET_SERVER_TLS": "true", "FLEET_SERVER_CERT": str(cert), "FLEET_SERVER_KEY": str(key)}
    done = fleet("serve", FLEET_DATA_DIR=str(tmp_path), **pair)
    assert done.returncode == 2
    assert done.stderr.strip() == f"fleet: FLEET_SERVER_KEY: {key} does not belong to the certificate {cert}"
