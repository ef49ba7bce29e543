"""A server that is set up, and its API as its admin."""

import http.client
import json
import secrets
import time
from pathlib import Path
from typing import Any

from tests.bench.processes import SERVER, Process
from tests.ports import free_port

READY_SECONDS = 30.0


class Site(Process):
    """A server in a process of its own over an empty folder: `fleet serve`, or another module that serves."""

    def __init__(self, folder: Path, *module: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        folder.mkdir()
        self._log = folder / "server.log"
        environment = {"FLEET_DATA_DIR": str(folder / "data"), "FLEET_SERVER_ADDRESS": f"127.0.0.1:{self.port}"}
        super().__init__(*(module or ("fleet", "serve")), core=SERVER, log=self._log, environment=environment)
        self.token = ""

    def set_up(self) -> None:
        """Wait until it answers, and make the admin."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._healthy():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self._log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.05)
        admin = {"name": "Bench", "email": "bench@example.com", "password": secrets.token_urlsafe(12) + "-1!"}
        body = {"admin": admin, "org_info": {"org_name": "Bench"}, "server_url": f"http://localhost:{self.port}"}
        self.token = self.call("POST", "/api/v1/setup", body)["token"]

    def _healthy(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the API answers."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            path = path if path.startswith("/api/") else f"/api/latest/fleet{path}"
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return dict(json.loads(text))

    def secret(self) -> str:
        """The enroll secret."""
        return str(self.call("GET", "/spec/enroll_secret")["spec"]["secrets"][0]["secret"])

    def schedule(self, name: str, sql: str, interval: int) -> None:
        """Save a query whose rows every host logs."""
        body = {"name": name, "query": sql, "interval": interval, "automations_enabled": True, "logging": "snapshot"}
        self.call("POST", "/queries", body)
