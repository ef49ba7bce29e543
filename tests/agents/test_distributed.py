"""distributed/read: what is asked when, and at what price."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from fleet import clock
from fleet.agents.osquery.detail_queries import DETAIL_QUERIES
from fleet.app_config import service as app_config
from fleet.db import changes
from fleet.hosts.models import Host
from fleet.labels.models import MembershipType
from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import Agent, counted

EVERYWHERE = {"os_version", "osquery_flags", "osquery_info", "system_info", "uptime"}


def details(answer: dict[str, dict[str, str]]) -> set[str]:
    prefix = "fleet_detail_query_"
    return {name.removeprefix(prefix) for name in answer["queries"] if name.startswith(prefix)}


def test_a_new_host_is_asked_for_details_and_labels_with_a_discovery_query_each(agent: Agent) -> None:
    answer = agent.read()
    assert details(answer) == EVERYWHERE | {"network_interface_unix", "disk_space_unix"}
    assert {f"fleet_label_query_{label_id}" for label_id in range(6, 14)} <= set(answer["queries"])
    assert set(answer["discovery"]) == set(answer["queries"])
    assert set(answer["discovery"].values()) == {"SELECT 1"}
    assert "accelerate" not in answer


@pytest.mark.parametrize(
    ("platform", "own"),
    [
        ("windows", {"os_version_windows", "network_interface_windows", "disk_space_windows"}),
        ("chrome", {"network_interface_chrome"}),
        ("darwin", {"network_interface_unix", "disk_space_unix"}),
        ("fedora", set()),
        ("", set()),
    ],
)
def test_each_platform_is_asked_its_own_details(
    session: Session, runtime: Runtime, instance: None, platform: str, own: set[str]
) -> None:
    factories.make_host(session, node_key="k", platform=platform, refetch_requested=True)
    session.commit()
    assert details(Agent(runtime.plane, "k").read()) == EVERYWHERE | own


def test_a_host_without_name_or_platform_is_told_to_hurry(session: Session, runtime: Runtime, instance: None) -> None:
    factories.make_host(session, node_key="k", platform="")
    session.commit()
    agent = Agent(runtime.plane, "k")
    assert agent.read() == {"queries": {}, "discovery": {}, "accelerate": 10}
    assert agent.read()["accelerate"] == 10 and agent.at_once


def test_a_quiet_poll_is_answered_from_memory_without_a_statement(agent: Agent, runtime: Runtime) -> None:
    agent.settle()
    agent.read()
    with counted(runtime.engine) as statements:
        for _ in range(20):
            assert agent.read() == {"queries": {}, "discovery": {}}
            assert agent.at_once
    assert statements == []


def test_a_live_query_is_sent_from_memory_without_a_statement(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    agent.read()
    runtime.live.start(17, "SELECT 'x\"y'", [session.query(Host).one().id])
    with counted(runtime.engine) as statements:
        answer = agent.read()
    assert answer == {
        "queries": {"fleet_distributed_query_17": "SELECT 'x\"y'"},
        "discovery": {"fleet_distributed_query_17": "SELECT 1"},
    }
    assert statements == [] and agent.at_once


def test_a_poll_of_an_unknown_node_costs_one_statement_and_the_next_ones_none(agent: Agent, runtime: Runtime) -> None:
    with counted(runtime.engine) as statements:
        wrong = Agent(runtime.plane, "nope")
        for _ in range(5):
            assert wrong.call("distributed/read")[0] == 401
    assert len(statements) == 1


def test_families_are_due_at_their_interval_plus_at_most_five_minutes(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    agent.settle()
    for minutes, due in ((59, False), (66, True)):
        session.execute(update(Host).values(label_updated_at=clock.now() - timedelta(minutes=minutes)))
        changes.announce(session, changes.HOST, 0)
        session.commit()
        runtime.watcher.poll()
        answer = agent.read()
        assert bool(answer["queries"]) is due
    assert details(answer) == set()
    assert "fleet_label_query_6" in answer["queries"]


def test_a_refetch_is_asked_until_anything_is_written(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    session.execute(update(Host).values(refetch_requested=True))
    changes.announce(session, changes.HOST, session.query(Host).one().id)
    session.commit()
    runtime.watcher.poll()
    assert details(agent.read()) and details(agent.read())
    assert agent.write({}) == (200, {})
    assert agent.read() == {"queries": {}, "discovery": {}}
    session.commit()
    session.expire_all()
    assert session.query(Host).one().refetch_requested is False


def test_in_critical_mode_only_critical_queries_are_asked(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    config = app_config.get(session)
    features = config.features.model_copy(update={"additional_queries": {"time": "SELECT * FROM time"}})
    app_config.save(session, config.model_copy(update={"features": features}))
    for minutes, refetch, asked in ((3, False, False), (3, True, True), (-3, False, False)):
        until = clock.now() + timedelta(minutes=minutes)
        session.execute(update(Host).values(refetch_critical_queries_until=until, refetch_requested=refetch))
        changes.announce(session, changes.HOST, 0)
        session.commit()
        runtime.watcher.poll()
        queries = agent.read()["queries"]
        assert ("fleet_detail_query_uptime" in queries) is ("fleet_additional_query_time" in queries) is asked


def test_what_another_process_already_took_is_not_asked_again(agent: Agent, session: Session) -> None:
    assert agent.read()["queries"]
    session.execute(
        update(Host).values(refetch_requested=False, detail_updated_at=clock.now(), label_updated_at=clock.now())
    )
    session.commit()  # as a write that another process took: nothing is announced
    assert agent.read() == {"queries": {}, "discovery": {}}


def test_label_queries_follow_the_platform_and_leave_out_manual_labels(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    anywhere = factories.make_label(session, query="SELECT 'any'")
    mine = factories.make_label(session, platform="ubuntu")
    other = factories.make_label(session, platform="darwin")
    manual = factories.make_label(session, platform="ubuntu", label_membership_type=MembershipType.MANUAL)
    changes.announce(session, changes.LABELS)
    session.commit()
    runtime.watcher.poll()
    queries = agent.read()["queries"]
    assert queries[f"fleet_label_query_{anywhere.id}"] == "SELECT 'any'"
    assert f"fleet_label_query_{mine.id}" in queries
    assert f"fleet_label_query_{other.id}" not in queries
    assert f"fleet_label_query_{manual.id}" not in queries


def test_rhel_that_is_centos_gets_the_labels_of_centos(session: Session, runtime: Runtime, instance: None) -> None:
    label = factories.make_label(session, platform="centos")
    factories.make_host(session, node_key="k", platform="rhel", os_version="CentOS Linux 7.9", refetch_requested=True)
    session.commit()
    assert f"fleet_label_query_{label.id}" in Agent(runtime.plane, "k").read()["queries"]


def test_the_app_config_adds_queries_and_overrides_details(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.read()
    config = app_config.get(session)
    features = config.features.model_copy(
        update={
            "additional_queries": {"time": "SELECT * FROM time"},
            "detail_query_overrides": {"uptime": None, "osquery_info": "SELECT version FROM osquery_info", "nope": "x"},
        }
    )
    app_config.save(session, config.model_copy(update={"features": features}))
    session.commit()
    runtime.watcher.poll()
    queries = agent.read()["queries"]
    assert queries["fleet_additional_query_time"] == "SELECT * FROM time"
    assert queries["fleet_detail_query_osquery_info"] == "SELECT version FROM osquery_info"
    assert "fleet_detail_query_uptime" not in queries and "fleet_detail_query_nope" not in queries


def test_every_detail_query_goes_somewhere_and_is_named_once() -> None:
    assert len({query.name for query in DETAIL_QUERIES}) == len(DETAIL_QUERIES)
    assert all((query.to_columns is None) != (query.write is None) for query in DETAIL_QUERIES)
    assert DETAIL_QUERIES[0].name == "os_version"
