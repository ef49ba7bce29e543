"""The demo's server, and its API as the demo's admin."""

import contextlib
import fcntl
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

ADMIN = "admin.json"
READY_SECONDS = 20.0
STOP_SECONDS = 12.0
PORTS = range(8080, 8100)
WILDCARDS = ("", "0.0.0.0", "[::]", "127.0.0.1")
# The demo's own server, whatever proxy the environment names for the rest of the world.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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
        host, _, port = address.rpartition(":")
        self.url = f"http://{'localhost' if host in WILDCARDS else host}:{port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._claimed = contextlib.ExitStack()
        self._token = ""

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Serve; returns when the server is ready. Of the settings only its folder and address are taken from outside:
        a demo in the database of somebody's real server would be none."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._claim()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")} | {
            "FLEET_DATA_DIR": str(self.folder),
            "FLEET_SERVER_ADDRESS": self.address,
            "FLEET_SERVER_TLS": "false",
        }
        with self.log.open("wb") as log:
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
                raise DemoError(f"the server did not start; its last words stand in {self.log}")
            time.sleep(0.05)

    def _claim(self) -> None:
        """One demo at a time in a folder; the kernel gives it back however this process ends."""
        lock = self._claimed.enter_context((self.folder / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"another demo is running in {self.folder}; stop it, or name another folder in FLEET_DATA_DIR"
            ) from None

    def _healthy(self) -> bool:
        try:
            with _direct.open(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def wait(self) -> None:
        """For as long as the server serves; when it ends by itself that is a `DemoError`."""
        assert self._process
        code = self._process.wait()
        raise DemoError(f"the server ended by itself (exit status {code}); its last words stand in {self.log}")

    def stop(self) -> None:
        """End the server; it loses nothing."""
        self._end()
        self._claimed.close()

    def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def sign_in(self) -> tuple[Admin, bool]:
        """Sign in as the admin of the demo, who is made the first time; true if that was now."""
        admin, refused = self._known_admin(), None
        if admin is None:
            # Kept before it counts: who stops the demo in between must not be locked out of it.
            admin = self._new_admin()
        else:
            try:
                self._token = self._login(admin)
                return admin, False
            except DemoError as error:
                refused = error  # perhaps because the demo was stopped before its setup
        try:
            self._token = self._set_up(admin)
        except DemoError as error:
            raise refused or error from None
        return admin, True

    def _login(self, admin: Admin) -> str:
        answer = self.call("POST", "/login", {"email": admin.email, "password": admin.password})
        return str(answer["token"])

    def _set_up(self, admin: Admin) -> str:
        answer = self.call(
            "POST",
            "/api/v1/setup",
            {
                "admin": {"name": "Demo Admin", "email": admin.email, "password": admin.password},
                "org_info": {"org_name": "Fleet demo"},
                "server_url": self.url,
            },
        )
        return str(answer["token"])

    def _known_admin(self) -> Admin | None:
        path = self.folder / ADMIN
        if not path.exists():
            return None
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Admin(email=str(found["email"]), password=str(found["password"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DemoError(f"{path} cannot be read; delete the folder {self.folder} to begin anew") from error

    def _new_admin(self) -> Admin:
        admin = Admin("admin@example.com", secrets.token_urlsafe(12) + "-1!")
        descriptor = os.open(self.folder / ADMIN, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"email": admin.email, "password": admin.password}, file)
        return admin

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API; what it refuses is a `DemoError` in its own words."""
        url = self.url + (path if path.startswith("/api/") else f"/api/latest/fleet{path}")
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with _direct.open(request, timeout=30) as answer:
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
                elif message["type"] == "error":
                    raise DemoError(f"the live query failed: {message['data']}")
                elif message["type"] == "result":
                    answered += 1
                    yield message["data"]
                progress(answered, expected)
        except ConnectionClosed as closed:
            raise DemoError(f"the server closed the stream of results: {closed}") from closed
        finally:
            with contextlib.suppress(ConnectionClosed, OSError):
                client.close()
