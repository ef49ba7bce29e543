"""A real server for sockets, and somebody who talks to it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from flask import Flask
from sqlalchemy.orm import Session
from websocket import ABNF, WebSocket, WebSocketTimeoutException, create_connection
from werkzeug.serving import make_server

from fleet.backplane import Result
from fleet.live import conversation
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client

RAW = "/api/latest/fleet/results/websocket"


@pytest.fixture
def address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """host:port of the application, served by threads. When it is gone, so are all conversations: one that outlives
    its test would end a campaign of the next one."""
    monkeypatch.setattr(conversation, "LOOK_SECONDS", 0.05)  # so soon they notice who has left
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = False  # type: ignore[attr-defined]  # those are not waited for
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    for talk in Talk.opened:
        talk.socket.shutdown()
    Talk.opened.clear()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hosts(session: Session) -> list[int]:
    """Three hosts, the last of them offline."""
    ids = [
        factories.make_host(session, hostname="alpha", display_name="Alpha").id,
        factories.make_host(session, hostname="beta").id,
        factories.make_host(session, hostname="gamma", online=False).id,
    ]
    session.commit()
    return ids


class Talk:
    """One client on one socket."""

    opened: ClassVar[list["Talk"]] = []

    def __init__(self, address: str, path: str = RAW, **options: Any) -> None:
        self.socket: WebSocket = create_connection(f"ws://{address}{path}", timeout=10, **options)
        self.opened.append(self)

    def say(self, kind: str, data: Any = None) -> None:
        self.socket.send(json.dumps({"type": kind, "data": data}))

    def hear(self, timeout: float = 10) -> tuple[str, Any]:
        self.socket.settimeout(timeout)
        message = json.loads(self.socket.recv())
        return message["type"], message["data"]

    def silent(self, seconds: float) -> bool:
        try:
            self.socket.settimeout(seconds)
            self.socket.recv()
        except WebSocketTimeoutException:
            return True
        return False

    def closed(self) -> int:
        """The code with which the server closes next."""
        self.socket.settimeout(10)
        opcode, frame = self.socket.recv_data_frame(control_frame=True)
        assert opcode == ABNF.OPCODE_CLOSE, frame.data
        return int.from_bytes(frame.data[:2], "big")

    def select(self, token: str, campaign_id: int) -> None:
        self.say("auth", {"token": token})
        self.say("select_campaign", {"campaign_id": campaign_id})


def run(client: Client, hosts: list[int], sql: str = "SELECT 1") -> int:
    """Start a live query; gives the campaign's id."""
    answer = client.post("/queries/run", {"query": sql, "selected": {"hosts": hosts}})
    assert answer.status_code == 200, answer.text
    return int(answer.json["campaign"]["id"])


def answer(runtime: Runtime, campaign_id: int, host_id: int, name: str = "alpha", **fields: Any) -> bool:
    """A host's answer."""
    fields.setdefault("rows", [{"a": "1"}])
    return runtime.live.publish(Result(campaign_id, host_id, name, name.title(), **fields))


def wait(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.01)
