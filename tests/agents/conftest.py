"""An enrolled host, and ways to call the plane as an agent does."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from flask import Flask, has_app_context
from sqlalchemy import Engine, event

from fleet.agents.plane import Caller, Plane
from fleet.extensions import db
from fleet.runtime import Runtime
from tests import factories

KEYED = ("config", "distributed/read", "distributed/write", "log")
"""The routes that ask for a node key."""

DETAILS = {
    "os_version": {
        "name": "Ubuntu", "version": "22.04.3 LTS (Jammy Jellyfish)", "major": "22", "minor": "4", "patch": "0",
        "build": "", "platform": "ubuntu", "platform_like": "debian", "codename": "jammy",
    },
    "osquery_info": {"version": "5.9.1", "uuid": "UUID-1", "instance_id": "INSTANCE-1"},
    "system_info": {
        "hostname": "orion", "computer_name": "Orion", "uuid": "UUID-1", "cpu_type": "x86_64", "cpu_subtype": "142",
        "cpu_brand": "Core i7", "cpu_physical_cores": "4", "cpu_logical_cores": "8", "physical_memory": "33428062208",
        "hardware_vendor": "LENOVO", "hardware_model": "20XW", "hardware_version": "9", "hardware_serial": "PF2G",
    },
}  # fmt: skip


class Agent:
    """Calls the plane like osqueryd: event loop first, then a thread."""

    def __init__(self, plane: Plane, node_key: str = "", *, family: str = "/api/osquery/") -> None:
        self.plane = plane
        self.node_key = node_key
        self.family = family
        self.at_once = False

    def send(self, name: str, body: bytes, headers: dict[str, str] | None = None, peer: str = "10.1.2.3") -> Any:
        """Status and decoded answer to raw bytes."""
        if has_app_context():
            db.session.rollback()  # what the test has looked at must not hold the lock of the writer
        route = self.plane.routes[self.family + name]
        caller = Caller(peer, headers or {})
        answer = self.plane.at_once(route, body, caller)
        self.at_once = answer is not None
        status, text = answer or self.plane.answer(route, body, caller)
        return status, orjson.loads(text)

    def call(self, name: str, *, packed: bool = False, **fields: Any) -> Any:
        """The same for fields; the node key goes with them."""
        body = orjson.dumps({"node_key": self.node_key} | fields)
        if packed:
            return self.send(name, gzip.compress(body), {"content-encoding": "gzip"})
        return self.send(name, body)

    def enroll(self, *, secret: str = factories.SECRET, identifier: str = "id-1", **fields: Any) -> Any:
        """Enroll and keep the node key."""
        fields.setdefault("host_details", DETAILS)
        status, answer = self.call("enroll", enroll_secret=secret, host_identifier=identifier, **fields)
        if status == 200:
            self.node_key = answer["node_key"]
        return status, answer

    def read(self) -> Any:
        status, answer = self.call("distributed/read")
        assert status == 200, answer
        return answer

    def write(self, queries: dict[str, Any], **fields: Any) -> Any:
        return self.call("distributed/write", **({"queries": queries, "statuses": {}, "messages": {}} | fields))

    def config(self) -> Any:
        status, answer = self.call("config")
        assert status == 200, answer
        return answer

    def settle(self) -> None:
        """Answer the first detail and label queries, so that nothing is due."""
        status, _ = self.write(
            {
                "fleet_detail_query_os_version": [DETAILS["os_version"]],
                "fleet_label_query_6": [{"1": "1"}],
                "fleet_label_query_7": [],
            }
        )
        assert status == 200


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that are sent to the database meanwhile, without BEGIN and the like."""
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE")):
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", count)


@pytest.fixture
def instance(app: Flask) -> None:
    """An instance that is set up, with one admin."""
    with app.app_context():
        factories.make_organization(db.session())
        factories.make_user(db.session())
        db.session.commit()


@pytest.fixture
def stranger(runtime: Runtime, instance: None) -> Agent:
    """An agent that has not enrolled yet."""
    return Agent(runtime.plane)


@pytest.fixture
def agent(stranger: Agent) -> Agent:
    """An agent that has enrolled."""
    status, answer = stranger.enroll()
    assert status == 200, answer
    return stranger
