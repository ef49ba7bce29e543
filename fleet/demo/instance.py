"""The demo's server, and its API as the demo's admin."""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simple_websocket import Client, ConnectionClosed

READY_SECONDS = 20.0
STOP_SECONDS = 12.0
PORTS = range(8080, 8100)


class DemoError(Exception):
    """The demo cannot go on; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Admin:
    """Who the demo signs in as."""

    email: str
    password: str


def free_address() -> str:
    """The first loopback address of the usual ports that nobody listens on."""
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"
    raise DemoError("ports 8080 to 8099 are all in use; name another one in FLEET_SERVER_ADDRESS")


class Instance:
    """A server in a process of its own, whose data stay in a folder from one demo to the next."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address
        self.url = f"http://localhost:{address.rpartition(':')[2]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    def start(self) -> None:
        """Serve; returns when the server is ready."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        environment = os.environ | {
            "FLEET_DATA_DIR": str(self.folder),
            "FLEET_SERVER_ADDRESS": self.address,
            "FLEET_SERVER_TLS": "false",
        }
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fleet", "serve"],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DemoError(f"the server did not start; its last words stand in {self.folder / 'server.log'}")
            time.sleep(0.05)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait(self) -> None:
        """Until the server ends."""
        assert self._process
        self._process.wait()

    def stop(self) -> None:
        """End the server; it loses nothing."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def sign_in(self) -> tuple[Admin, bool]:
        """Sign in as the admin of the demo, who is made the first time; true if that was now."""
        path = self.folder / "admin.json"
        if path.exists():
            admin = Admin(**json.loads(path.read_text(encoding="utf-8")))
            answer = self.call("POST", "/login", {"email": admin.email, "password": admin.password})
            self._token = answer["token"]
            return admin, False
        admin = Admin("admin@example.com", secrets.token_urlsafe(12) + "-1!")
        answer = self.call(
            "POST",
            "/api/v1/setup",
            {
                "admin": {"name": "Demo Admin", "email": admin.email, "password": admin.password},
                "org_info": {"org_name": "Fleet demo"},
                "server_url": self.url,
            },
        )
        self._token = answer["token"]
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"email": admin.email, "password": admin.password}, file)
        return admin, True

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API; what it refuses is a `DemoError` in its own words."""
        url = self.url + (path if path.startswith("/api/") else f"/api/latest/fleet{path}")
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refused:
            raise DemoError(f"{method} {path}: {refused.code} {refused.read().decode(errors='replace')}") from refused
        except OSError as error:
            raise DemoError(f"{method} {path}: {error}") from error

    def secret(self) -> str:
        """The enroll secret."""
        return str(self.call("GET", "/spec/enroll_secret")["spec"]["secrets"][0]["secret"])

    def online(self) -> int:
        """How many hosts are online and have told what they are."""
        hosts = self.call("GET", "/hosts")["hosts"]
        return sum(1 for host in hosts if host["status"] == "online" and host["hostname"] and host["os_version"])

    def live_query(self, sql: str, seconds: float, progress: Callable[[int, int], None]) -> Iterator[dict[str, Any]]:
        """Ask every host; gives each result as it comes, until all that are online have answered."""
        campaign = self.call("POST", "/queries/run", {"query": sql, "selected": {"labels": [6]}})["campaign"]
        socket_url = self.url.replace("http", "ws", 1) + "/api/latest/fleet/results/websocket"
        client = Client.connect(socket_url)
        deadline = time.monotonic() + seconds
        answered, expected = 0, int(campaign["Metrics"]["OnlineHosts"])
        try:
            client.send(json.dumps({"type": "auth", "data": {"token": self._token}}))
            client.send(json.dumps({"type": "select_campaign", "data": {"campaign_id": campaign["id"]}}))
            while answered < expected and time.monotonic() < deadline:
                text = client.receive(timeout=0.2)
                if text is None:
                    continue
                message = json.loads(text)
                if message["type"] == "totals":
                    expected = int(message["data"]["online"])
                elif message["type"] == "result":
                    answered += 1
                    yield message["data"]
                progress(answered, expected)
        except ConnectionClosed as closed:
            raise DemoError(f"the server closed the stream of results: {closed}") from closed
        finally:
            with contextlib.suppress(ConnectionClosed, OSError):
                client.close()
