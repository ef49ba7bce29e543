"""Two whole servers, each a process with its own port, over one PostgreSQL and one Redis."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, create_engine
from websocket import WebSocket, create_connection

from tests.conftest import _empty
from tests.ports import free_port, redis_server

ROOT = Path(__file__).parents[2]
EMAIL, PASSWORD = "ada@example.com", "a long enough password 1!"
REST_PERIOD = 20
START, PATIENCE = 60, 5
"""Seconds: until a server answers, and until one process has heard what another told. That takes less than one, which
the bench measures; a busy machine takes longer, but not the ten until they compare what they know."""


def wait(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What the condition gives, once that is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)
    return value


def setup_of(email: str) -> dict[str, Any]:
    """What sets an instance up, with this admin."""
    return {
        "admin": {"name": "Ada", "email": email, "password": PASSWORD},
        "org_info": {"org_name": "Analytical Engines"},
        "server_url": "https://fleet.example.com",
    }


class Server:
    """One process, and ways to talk to it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port, self.log = free_port(), folder / "log"
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith("FLEET_")
        } | environment | {
            "FLEET_SERVER_ADDRESS": f"127.0.0.1:{self.port}",
            "FLEET_DATA_DIR": str(folder / "data"),
        }  # fmt: skip
        self._calls = requests.Session()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.system.serve", "serve"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=output, stderr=output)

    def answers(self) -> bool:
        """Whether it serves; a process that has ended fails the test."""
        assert self.process is not None and self.process.poll() is None, self.log.read_text()
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        return False

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> requests.Response:
        """Call the JSON API."""
        url = self.url + (path if path.startswith("/api/") else f"/api/latest/fleet{path}")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._calls.request(method, url, json=body, headers=headers, timeout=20)

    def agent(self, name: str, fields: dict[str, Any]) -> requests.Response:
        """Call a route of the agents."""
        return self._calls.post(f"{self.url}/api/osquery/{name}", json=fields, timeout=20)


class Host:
    """What osqueryd does, at whichever server one says."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.node_key = ""
        self.id = 0

    def enroll(self, server: Server, secret: str) -> None:
        details = {"os_version": {"name": "Ubuntu", "platform": "ubuntu", "version": "22.04"},
                   "system_info": {"hostname": self.name, "computer_name": self.name, "uuid": self.name},
                   "osquery_info": {"version": "5.9.1"}}  # fmt: skip
        fields = {"enroll_secret": secret, "host_identifier": self.name, "host_details": details}
        answer = server.agent("enroll", fields)
        assert answer.status_code == 200, answer.text
        self.node_key = answer.json()["node_key"]

    def settle(self, server: Server) -> None:
        """Answer the first detail and label queries."""
        answers = {name: [] for name in self.read(server)}
        self.write(server, answers | {"fleet_detail_query_uptime": [{"total_seconds": "5"}]})

    def read(self, server: Server) -> dict[str, str]:
        answer = server.agent("distributed/read", {"node_key": self.node_key})
        assert answer.status_code == 200, answer.text
        return answer.json()["queries"]  # type: ignore[no-any-return]

    def write(self, server: Server, queries: dict[str, Any]) -> None:
        fields = {"node_key": self.node_key, "queries": queries, "statuses": dict.fromkeys(queries, 0)}
        answer = server.agent("distributed/write", fields)
        assert (answer.status_code, answer.json()) == (200, {})

    def config(self, server: Server) -> dict[str, Any]:
        answer = server.agent("config", {"node_key": self.node_key})
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def asked(self, server: Server, campaign_id: int) -> bool:
        """Whether the host is asked a live query."""
        return f"fleet_distributed_query_{campaign_id}" in self.read(server)

    def reply(self, server: Server, campaign_id: int) -> float:
        """Answer a live query; gives the moment after which a reader has the row late."""
        self.write(server, {f"fleet_distributed_query_{campaign_id}": [{"told_by": self.name}]})
        return time.monotonic() + PATIENCE


class Stream:
    """The WebSocket of a live query, as a program opens it."""

    def __init__(self, server: Server, token: str, campaign_id: int) -> None:
        path = "/api/latest/fleet/results/websocket"
        self._socket: WebSocket = create_connection(f"ws://127.0.0.1:{server.port}{path}", timeout=10)
        self.say("auth", {"token": token})
        self.say("select_campaign", {"campaign_id": campaign_id})
        self.greeting = self.hear(), self.hear()

    def say(self, kind: str, data: Any) -> None:
        self._socket.send(json.dumps({"type": kind, "data": data}))

    def hear(self, seconds: float = 10) -> tuple[str, Any]:
        self._socket.settimeout(seconds)
        message = json.loads(self._socket.recv())
        return message["type"], message["data"]

    def result(self, seconds: float = 10) -> dict[str, Any]:
        """The next result, whatever else is said before it."""
        deadline = time.monotonic() + seconds
        while True:
            kind, data = self.hear(max(0.01, deadline - time.monotonic()))
            if kind == "result":
                return data  # type: ignore[no-any-return]

    def close(self) -> None:
        self._socket.close()


class Site:
    """Both servers, what they share, and an admin who has signed in at the first."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.redis = redis_server()
        self.redis.start()
        shared = {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "FLEET_LIVE_QUERY_REST_PERIOD": f"{REST_PERIOD}s",
        }
        self.engine: Engine = create_engine(database_url)
        (folder / "one").mkdir()
        (folder / "two").mkdir()
        self.one, self.two = Server(folder / "one", shared), Server(folder / "two", shared)
        self.token, self.secret = "", ""
        self._number = 0

    def set_up(self) -> None:
        answer = self.one.call("POST", "/api/v1/setup", setup_of(EMAIL))
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["token"]
        spec = self.one.call("GET", "/spec/enroll_secret", token=self.token).json()["spec"]
        self.secret = spec["secrets"][0]["secret"]

    def hosts(self, count: int) -> list[Host]:
        """New hosts, enrolled and settled at the first server."""
        made = []
        for _ in range(count):
            self._number += 1
            host = Host(f"host-{self._number}")
            host.enroll(self.one, self.secret)
            host.settle(self.one)
            made.append(host)
        ids = {row["hostname"]: row["id"] for row in self.get(self.one, "/hosts")["hosts"]}
        for host in made:
            host.id = ids[host.name]
        return made

    def get(self, server: Server, path: str) -> Any:
        answer = server.call("GET", path, token=self.token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, server: Server, path: str, body: Any) -> Any:
        answer = server.call("POST", path, body, self.token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, server: Server, hosts: list[Host], sql: str = "SELECT 1") -> int:
        """Start a live query; gives the campaign's id."""
        body = {"query": sql, "selected": {"hosts": [host.id for host in hosts]}}
        return int(self.post(server, "/queries/run", body)["campaign"]["id"])

    def close(self) -> None:
        for server in (self.one, self.two):
            server.end()
        if self.redis.is_running():
            self.redis.stop()
        self.engine.dispose()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, postgresql: str) -> Iterator[Site]:
    """Two servers, set up at the first of them."""
    _empty(postgresql)
    made = Site(tmp_path_factory.mktemp("site"), postgresql)
    try:
        made.one.start()
        made.two.start()
        for server in (made.one, made.two):
            wait(server.answers, START)
        assert made.two.agent("config", {"node_key": "x"}).status_code == 404, "nothing is set up yet"
        made.set_up()
        yield made
    finally:
        made.close()
    for server in (made.one, made.two):
        assert "Traceback" not in server.log.read_text()
