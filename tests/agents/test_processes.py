"""Several processes over one database: what one is told, the others act on."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.application import create_app
from fleet.db import changes
from fleet.hosts.models import Host
from fleet.packs.models import PackTarget, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import DETAILS, KEYED, Agent


@pytest.fixture
def other(app: Flask, runtime: Runtime) -> Iterator[Runtime]:
    """A second process over the same database."""
    application = create_app(runtime.settings, background=False)
    yield application.extensions["fleet"]
    application.extensions["fleet"].close()


def test_a_deleted_host_is_dead_in_every_process(agent: Agent, other: Runtime, session: Session) -> None:
    elsewhere = Agent(other.plane, agent.node_key)
    agent.settle()
    for one in (agent, elsewhere):
        one.read()
        one.read()
    assert elsewhere.at_once
    host = session.scalars(select(Host)).one()
    session.delete(host)
    changes.announce(session, changes.HOST, host.id)
    session.commit()
    other.watcher.poll()
    for name in KEYED:
        status, answer = elsewhere.call(name)
        assert status == 401 and answer["node_invalid"] is True


def test_a_transfer_and_new_options_reach_every_process(
    agent: Agent, other: Runtime, runtime: Runtime, session: Session
) -> None:
    elsewhere = Agent(other.plane, agent.node_key)
    elsewhere.config()
    elsewhere.config()
    team = factories.make_team(session, agent_options={"config": {"options": {"team": 1}}})
    host = session.scalars(select(Host)).one()
    host.team_id = team.id
    changes.announce(session, changes.HOST, host.id)
    session.commit()
    other.watcher.poll()
    assert elsewhere.config() == {"options": {"team": 1}}
    session.merge(team).agent_options = {"config": {"options": {"team": 2}}}
    changes.announce(session, changes.CONFIG)
    session.commit()
    other.watcher.poll()
    assert elsewhere.config() == {"options": {"team": 2}}


def test_a_new_key_works_and_the_former_one_is_dead_in_every_process(
    agent: Agent, other: Runtime, session: Session
) -> None:
    old = Agent(other.plane, agent.node_key)
    old.read()
    agent.enroll()
    assert Agent(other.plane, agent.node_key).call("distributed/read")[0] == 200
    other.watcher.poll()
    assert old.call("distributed/read")[0] == 401


def test_what_one_process_took_the_other_does_not_ask_again(agent: Agent, other: Runtime) -> None:
    elsewhere = Agent(other.plane, agent.node_key)
    assert elsewhere.read()["queries"] and agent.read()["queries"]
    agent.settle()
    assert elsewhere.read() == {"queries": {}, "discovery": {}}


def test_what_a_host_tells_of_itself_in_one_process_reaches_the_others(
    agent: Agent, other: Runtime, session: Session
) -> None:
    label = factories.make_label(session)
    pack = factories.make_pack(session, "P")
    session.add(PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=label.id))
    config = {"options": {"here": 1}}
    team = factories.make_team(session, agent_options={"config": {}, "overrides": {"platforms": {"debian": config}}})
    host = session.scalars(select(Host)).one()
    host.team_id = team.id
    changes.announce(session, changes.HOST, host.id)
    changes.announce(session, changes.CONFIG)
    session.commit()
    other.watcher.poll()
    elsewhere = Agent(other.plane, agent.node_key)
    assert elsewhere.config() == {}
    agent.write({f"fleet_label_query_{label.id}": [{"1": "1"}]})
    other.watcher.poll()
    assert set(elsewhere.config()["packs"]) == {"P"}
    agent.write({"fleet_detail_query_os_version": [DETAILS["os_version"] | {"platform": "debian"}]})
    other.watcher.poll()
    assert elsewhere.config()["options"] == {"here": 1}


def test_a_live_answer_bears_the_name_that_another_process_was_told(
    agent: Agent, other: Runtime, session: Session
) -> None:
    elsewhere = Agent(other.plane, agent.node_key)
    elsewhere.read()
    host_id = session.scalars(select(Host.id)).one()
    session.rollback()
    agent.write({"fleet_detail_query_system_info": [DETAILS["system_info"] | {"computer_name": "Renamed"}]})
    other.watcher.poll()
    other.live.start(1, "SELECT 1", [host_id])
    reader = other.live.read(1)
    elsewhere.write({"fleet_distributed_query_1": []})
    result = reader.next(1)
    assert result is not None and (result.hostname, result.display_name) == ("orion", "Renamed")


def test_a_write_that_changes_nothing_is_no_news(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    news = select(changes.Change.id).order_by(changes.Change.id.desc()).limit(1)
    last = session.scalar(news)
    session.rollback()
    agent.settle()
    assert session.scalar(news) == last
