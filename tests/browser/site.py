"""A server in a process of its own, and the hosts that call it."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import requests

from fleet.bundled_agent import distributed, protocol
from fleet.bundled_agent.agent import user_agent
from fleet.bundled_agent.client import Server
from fleet.bundled_agent.distributed import Work
from fleet.bundled_agent.engine import Engine
from fleet.bundled_agent.flags import Flags
from fleet.bundled_agent.fleet import Fleet
from fleet.bundled_agent.osqueryd import Osqueryd
from fleet.bundled_agent.simulated import SimulatedHost
from fleet.demo.instance import Admin, Instance
from tests.ports import free_port

T = TypeVar("T")

LIVE = "fleet_distributed_query_"
OFTEN = {"distributed_interval": "1", "config_refresh": "1", "logger_tls_period": "1"}


def until(ask: Callable[[], T], what: str, seconds: float = 15.0) -> T:
    """The first answer that is true; fails with `what` when none comes."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.03)


class Site:
    """A served instance. `admin` and `token` are there once it is set up; `steady` are the names of the hosts that call
    every second, where others go offline at any moment."""

    def __init__(self, folder: Path) -> None:
        self.instance = Instance(folder, f"127.0.0.1:{free_port()}")
        self.url = self.instance.url
        self.call = self.instance.call
        self.admin = Admin("", "")
        self.token = ""
        self.simulated: Fleet | None = None
        self.steady: list[str] = []

    def start(self) -> "Site":
        """Serve an empty instance."""
        self.instance.start()
        return self

    def set_up(self) -> "Site":
        """Make the first admin, by the API."""
        self.admin, _ = self.instance.sign_in()
        self.token = self.sign_in()
        return self

    def sign_in(self) -> str:
        """The key of a new session of the admin."""
        answer = self.call("POST", "/login", {"email": self.admin.email, "password": self.admin.password})
        return str(answer["token"])

    def end_session(self, token: str) -> None:
        """Sign out elsewhere."""
        answer = requests.post(
            f"{self.url}/api/latest/fleet/logout", headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        answer.raise_for_status()

    def enroll(self, hosts: int, seed: str = "browser", fail_rate: float = 0.0) -> None:
        """Simulated hosts that call every second; returns when all have told what they are. A share of them may fail
        to answer live queries."""
        before = {host["id"] for host in self.hosts()}
        often = Flags(OFTEN, pinned=OFTEN)
        server = Server.at(self.url, user_agent=user_agent())
        self.simulated = Fleet(
            server, self.instance.secret(), hosts=hosts, seed=seed, ramp=0.2, flags=often, fail_rate=fail_rate
        )
        self.simulated.start()
        until(lambda: self.instance.online() >= len(before) + hosts, f"{hosts} hosts enroll", 30)
        self.steady += [str(host["hostname"]) for host in self.hosts() if host["id"] not in before]

    def hosts(self) -> list[dict[str, Any]]:
        """The hosts, as the API has them."""
        return list(self.call("GET", "/hosts?per_page=500")["hosts"])

    def query(self, name: str, sql: str, **more: Any) -> int:
        """Save a query; its id."""
        return int(self.call("POST", "/queries", {"name": name, "query": sql, **more})["query"]["id"])

    def stop(self) -> None:
        """End the hosts and the server."""
        if self.simulated is not None:
            self.simulated.stop()
        self.instance.stop()


class Puppet:
    """A host that calls only when the test says so."""

    def __init__(self, site: Site, number: int, seed: str = "puppet") -> None:
        self._url = site.url
        self._database = site.instance.folder / "fleet.db"
        self._called = datetime.now(UTC)
        self._http = requests.Session()
        self._agent = Osqueryd(SimulatedHost(seed, number), Engine(), Flags(OFTEN, pinned=OFTEN))
        body = self._agent.enroll_body(site.instance.secret())
        self._key = protocol.node_key(self._post(protocol.ENROLL, body))
        self.configure()
        while self.ask():
            pass
        identifier = self._agent.machine.identifier
        found = site.call("GET", f"/hosts/identifier/{identifier}")["host"]
        self.id, self.name = int(found["id"]), str(found["display_name"])

    def _post(self, path: str, body: bytes) -> bytes:
        self._called = datetime.now(UTC)
        answer = self._http.post(self._url + path, data=body, timeout=10)
        return protocol.check(answer.status_code, answer.content)

    def configure(self) -> str:
        """Fetch the configuration; its text."""
        body = self._post(protocol.CONFIG, protocol.only_key(self._key))
        self._agent.configure(body)
        return body.decode()

    def read(self) -> Work:
        """What the server wants to know now."""
        return distributed.read(self._post(protocol.READ, protocol.only_key(self._key)))

    def ask(self) -> bool:
        """Call once and answer everything; whether there was something."""
        work = self.read()
        if work.queries:
            self.write(work)
        return bool(work.queries)

    def live(self, run: str) -> Work:
        """Call until the live query at this address is there, which stays unanswered."""

        def asked() -> Work | None:
            work = self.read()
            return work if self.name_of(run) in work.queries else None

        found = until(asked, "the live query reaches the host")
        assert found is not None
        return found

    @staticmethod
    def name_of(run: str) -> str:
        """What hosts call the live query at this address; other runs may wait for their answers, too."""
        return LIVE + run.rpartition("/")[2]

    def write(self, work: Work, *, fail: str = "") -> None:
        """Answer; with `fail` every live query fails for that reason."""
        answers = self._agent.answer(work)
        for name in work.queries:
            if fail and name.startswith(LIVE):
                answers.fail(name, fail)
        self._post(protocol.WRITE, answers.body(self._key))

    def was_seen(self, ago: str) -> None:
        """Make the server believe that the host last called `ago`, in SQLite's words: "-1 hour"."""
        with closing(sqlite3.connect(self._database, timeout=10, isolation_level=None)) as database:
            written = "SELECT seen_at FROM host_seen_times WHERE host_id = ? AND seen_at >= ?"
            call = self._called.strftime("%Y-%m-%d %H:%M:%S.%f")
            until(lambda: database.execute(written, (self.id, call)).fetchone(), "the call is written down")
            for change in (
                "UPDATE host_seen_times SET seen_at = datetime('now', ?) WHERE host_id = ?",
                "UPDATE hosts SET detail_updated_at = datetime('now', ?) WHERE id = ?",
            ):
                database.execute(change, (ago, self.id))
