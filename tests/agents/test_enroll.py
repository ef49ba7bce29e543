"""Enrolling: who gets in, which row is theirs, and what enrolling again changes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.orm import Session

from fleet import clock, keys
from fleet.db import changes
from fleet.hosts.models import Host, HostSeen
from fleet.labels.models import ALL_HOSTS, LabelMembership
from fleet.runtime import Runtime
from fleet.teams.models import EnrollSecret
from tests import factories
from tests.agents.conftest import DETAILS, Agent

NO_SECRET = "enroll failed: no matching secret found: EnrollSecret was not found in the datastore"


def the_host(session: Session) -> Host:
    session.commit()
    session.expire_all()
    return session.scalars(select(Host)).one()


def nobody(session: Session) -> bool:
    """Whether there is no host, as a new transaction sees it."""
    session.rollback()
    return session.scalars(select(Host)).all() == []


def test_enrolling_makes_a_host_of_the_details(stranger: Agent, session: Session) -> None:
    status, answer = stranger.enroll()
    assert status == 200 and len(answer["node_key"]) == 32
    host = the_host(session)
    assert host.osquery_host_id == "id-1"
    assert (host.hostname, host.computer_name, host.display_name) == ("orion", "Orion", "Orion")
    assert (host.platform, host.os_version, host.code_name) == ("ubuntu", "Ubuntu 22.04.3 LTS", "jammy")
    assert (host.memory, host.cpu_logical_cores, host.hardware_serial) == (33428062208, 8, "PF2G")
    assert (host.osquery_version, host.uuid, host.team_id) == ("5.9.1", "UUID-1", None)
    assert host.refetch_requested and host.detail_updated_at == host.label_updated_at == clock.NEVER
    assert clock.now() - host.last_enrolled_at < timedelta(minutes=1)
    assert session.get(LabelMembership, (host.id, ALL_HOSTS)) is not None
    assert session.get(HostSeen, host.id) is not None


def test_a_wrong_an_empty_or_an_absent_secret_lets_nobody_in(stranger: Agent, session: Session) -> None:
    for secret in ["wrong", "", None, f"{factories.SECRET} ", factories.SECRET.upper(), "a\0b", "x" * 300]:
        status, answer = stranger.call("enroll", enroll_secret=secret, host_identifier="h")
        assert status == 401
        assert answer["error"] == NO_SECRET and answer["node_invalid"] is True and answer["uuid"]
        assert nobody(session)


def test_an_empty_secret_in_the_database_lets_nobody_in(stranger: Agent, session: Session) -> None:
    session.add(EnrollSecret(secret=""))
    session.commit()
    assert stranger.call("enroll", enroll_secret="", host_identifier="h")[0] == 401
    assert stranger.call("enroll", host_identifier="h")[0] == 401


def test_a_secret_that_is_withdrawn_at_the_last_moment_lets_nobody_in(
    stranger: Agent, runtime: Runtime, session: Session
) -> None:
    def withdraw(*_arguments: Any) -> None:
        session.execute(delete(EnrollSecret))
        session.commit()

    assert stranger.enroll(secret="wrong")[0] == 401  # the first request also asks whether the instance is set up
    event.listen(runtime.engine, "checkin", withdraw, once=True)  # that is, once the secret was looked up
    status, answer = stranger.enroll()
    assert (status, answer["error"]) == (401, NO_SECRET)
    assert session.scalars(select(Host)).all() == []


def test_a_host_that_enrolls_several_times_at_once_gets_in_and_is_one(stranger: Agent, session: Session) -> None:
    for number in range(5):
        agents = [Agent(stranger.plane) for _ in range(4)]
        with ThreadPoolExecutor(len(agents)) as threads:
            answers = list(threads.map(lambda agent: agent.enroll(identifier=f"id-{number}"), agents))  # noqa: B023
        assert [status for status, _ in answers] == [200] * 4, answers
        assert [agent.call("config")[0] for agent in agents].count(200) == 1
    assert len(session.scalars(select(Host)).all()) == 5


def test_an_identifier_that_is_missing_or_too_long_is_refused(stranger: Agent) -> None:
    for identifier in ["", None, "x" * 256]:
        status, answer = stranger.call("enroll", enroll_secret=factories.SECRET, host_identifier=identifier)
        assert status == 401 and answer["node_invalid"] is True
        assert answer["error"].startswith("save enroll failed: ")


def test_wrong_types_are_400_and_store_nothing(stranger: Agent, session: Session) -> None:
    wrong: list[dict[str, Any]] = [
        {"enroll_secret": 1},
        {"host_identifier": []},
        {"host_details": "text"},
        {"host_details": {"system_info": []}},
        {"host_details": {"system_info": {"physical_memory": 5}}},
    ]
    for fields in wrong:
        body = {"enroll_secret": factories.SECRET, "host_identifier": "h"} | fields
        status, answer = stranger.send("enroll", orjson.dumps(body))
        assert status == 400
        assert answer["errors"] == [{"name": "base", "reason": "json decoder error"}]
        assert nobody(session)


def test_a_number_that_is_none_leaves_out_only_its_column(stranger: Agent, session: Session) -> None:
    details = {"system_info": DETAILS["system_info"] | {"physical_memory": "lots", "cpu_logical_cores": "9" * 30}}
    assert stranger.enroll(host_details=details)[0] == 200
    host = the_host(session)
    assert (host.memory, host.cpu_logical_cores, host.cpu_physical_cores, host.hostname) == (0, 0, 4, "orion")


def test_texts_of_any_length_and_content_fit(stranger: Agent, session: Session) -> None:
    details = {"system_info": {"hostname": "a\0" + "é" * 400, "hardware_model": "\U0001f600"}}
    assert stranger.enroll(host_details=details)[0] == 200
    assert the_host(session).hostname == "a\ufffd" + "é" * 253


def test_enrolling_again_keeps_the_host_and_kills_its_former_key(agent: Agent, session: Session) -> None:
    agent.settle()
    before = the_host(session)
    kept = before.id, before.label_updated_at, before.detail_updated_at
    old = Agent(agent.plane, agent.node_key)
    assert old.call("config")[0] == 200
    assert agent.enroll()[0] == 200
    host = the_host(session)
    assert (host.id, host.label_updated_at, host.detail_updated_at) == kept
    assert host.refetch_requested is False
    status, answer = old.call("config")
    assert status == 401 and answer["node_invalid"] is True
    assert agent.call("config")[0] == 200


def test_the_secret_decides_about_the_team_each_time(agent: Agent, session: Session) -> None:
    team = factories.make_team(session)
    session.add(EnrollSecret(secret="of-the-team", team_id=team.id))
    session.commit()
    assert agent.enroll(secret="of-the-team")[0] == 200
    assert the_host(session).team_id == team.id
    assert agent.enroll()[0] == 200
    assert the_host(session).team_id is None


def test_unknown_details_and_missing_ones_are_fine(stranger: Agent, session: Session) -> None:
    assert stranger.enroll(host_details={"platform_info": {"a": 1}, "osquery_info": {"version": "5"}})[0] == 200
    assert the_host(session).osquery_version == "5"
    assert stranger.enroll(host_details=None)[0] == 200
    assert the_host(session).osquery_version == "5"


@pytest.mark.parametrize(
    ("environment", "expected", "fallback"),
    [
        ({"FLEET_OSQUERY_HOST_IDENTIFIER": "instance"}, "INSTANCE-1", "id-1"),
        ({"FLEET_OSQUERY_HOST_IDENTIFIER": "uuid"}, "UUID-1", "id-1"),
        ({"FLEET_OSQUERY_HOST_IDENTIFIER": "hostname"}, "orion", "id-1"),
    ],
)
def test_the_identifier_is_taken_from_where_the_settings_say(
    stranger: Agent, session: Session, expected: str, fallback: str
) -> None:
    assert stranger.enroll()[0] == 200
    assert the_host(session).osquery_host_id == expected
    session.delete(the_host(session))
    session.commit()
    assert stranger.enroll(host_details={})[0] == 200
    assert the_host(session).osquery_host_id == fallback


@pytest.mark.parametrize("environment", [{"FLEET_OSQUERY_ENROLL_COOLDOWN": "10m"}])
def test_within_the_cooldown_the_present_key_stays_good(agent: Agent) -> None:
    status, answer = Agent(agent.plane).enroll()
    assert status == 401 and answer["node_invalid"] is True
    assert answer["error"] == "save enroll failed: host identified by id-1 enrolling too often"
    assert agent.call("config")[0] == 200


def test_without_a_cooldown_clocks_of_servers_may_differ(agent: Agent, session: Session) -> None:
    session.execute(update(Host).values(last_enrolled_at=clock.now() + timedelta(minutes=1)))
    session.commit()
    assert agent.enroll()[0] == 200


def test_no_issued_key_stands_in_the_database(agent: Agent, session: Session) -> None:
    agent.settle()
    found = [
        str(cell)
        for table in Host.metadata.sorted_tables
        for row in session.execute(text(f'SELECT * FROM "{table.name}"'))  # noqa: S608 - names of our own tables
        for cell in row
    ]
    assert not any(agent.node_key in cell for cell in found)
    assert keys.digest(agent.node_key) in found


def test_both_families_of_paths_enroll(runtime: Runtime, instance: None) -> None:
    for family in ("/api/osquery/", "/api/v1/osquery/"):
        agent = Agent(runtime.plane, family=family)
        assert agent.enroll(identifier=family)[0] == 200
        assert agent.call("config")[0] == 200


def test_the_old_key_is_refused_also_when_the_new_one_of_another_process_came_before_its_news(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    anew = Agent(agent.plane, "a key from another process")
    assert agent.call("config")[0] == 200
    session.execute(update(Host).values(node_key_digest=keys.digest(anew.node_key)))
    session.commit()
    assert anew.call("config")[0] == 200
    changes.announce(session, changes.HOST, the_host(session).id)
    session.commit()
    runtime.watcher.poll()
    assert agent.call("config")[0] == 401
    assert anew.call("config")[0] == 200
