"""What the agents' door keeps in memory of hosts and of strangers, and for how long."""

import time
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.agents import nodes
from fleet.db import changes
from fleet.hosts.models import Host
from fleet.runtime import Runtime
from tests.agents.conftest import Agent, counted


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock of the door that stands still, so many seconds after the test began."""
    ahead, began = [0.0], time.monotonic()
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: began + ahead[0]))
    return ahead


def another(runtime: Runtime, identifier: str) -> Agent:
    agent = Agent(runtime.plane)
    agent.enroll(identifier=identifier)
    agent.settle()
    agent.read()
    return agent


def test_news_of_one_host_forget_that_one_alone(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    host_id = session.scalars(select(Host.id)).one()
    session.commit()
    other = another(runtime, "id-2")
    agent.read()
    changes.announce(session, changes.HOST, host_id)
    session.commit()
    runtime.watcher.poll()
    other.read()
    assert other.at_once
    agent.read()
    assert not agent.at_once


def test_a_node_is_looked_up_anew_after_five_minutes(agent: Agent, runtime: Runtime, clock: list[float]) -> None:
    agent.settle()
    agent.read()
    for ahead, statements in ((299.9, 0), (300.1, 1), (599.9, 0)):
        clock[0] = ahead
        with counted(runtime.engine) as sent:
            agent.read()
        assert len(sent) == statements, ahead


def test_hosts_that_call_no_more_are_forgotten(agent: Agent, runtime: Runtime, clock: list[float]) -> None:
    agent.read()
    other = another(runtime, "id-2")
    assert len(runtime.plane._nodes) == 2
    clock[0] = 301.0
    other.read()
    assert len(runtime.plane._nodes) == 1


def test_a_wrong_key_is_looked_up_again_after_five_seconds(agent: Agent, runtime: Runtime, clock: list[float]) -> None:
    wrong = Agent(runtime.plane, "nope")
    for ahead, statements in ((0.0, 1), (4.9, 0), (5.1, 1), (10.0, 0)):
        clock[0] = ahead
        with counted(runtime.engine) as sent:
            assert wrong.call("distributed/read")[0] == 401
        assert len(sent) == statements, ahead


def test_strangers_fill_no_memory_with_wrong_keys(
    agent: Agent, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "MOST_UNKNOWN", 3)
    for number in range(8):
        assert Agent(runtime.plane, f"wrong-{number}").call("config")[0] == 401
    assert len(runtime.plane._nodes._unknown) == 3
    with counted(runtime.engine) as sent:
        assert Agent(runtime.plane, "wrong-7").call("config")[0] == 401
    assert sent == [], "the newest are kept"
