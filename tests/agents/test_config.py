"""The configuration of osqueryd: options, packs, scheduled queries, and what it costs."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.app_config import service as app_config
from fleet.app_config.schemas import DEFAULT_AGENT_OPTIONS
from fleet.db import changes
from fleet.hosts.models import Host
from fleet.labels.models import LabelMembership
from fleet.packs.models import Pack, PackTarget, ScheduledQuery, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import Agent, counted


def options(session: Session, runtime: Runtime, document: Any) -> None:
    app_config.save(session, app_config.get(session).model_copy(update={"agent_options": document}))
    announced(session, runtime)


def announced(session: Session, runtime: Runtime, topic: str = changes.CONFIG, subject: int = 0) -> None:
    changes.announce(session, topic, subject)
    session.commit()
    runtime.watcher.poll()


def schedule(session: Session, pack: Pack, name: str, **fields: Any) -> None:
    query = factories.make_query(session, query=f"SELECT '{name}'")
    session.add(ScheduledQuery(pack_id=pack.id, query_id=query.id, name=name, name_key=name, interval=60, **fields))


def aim(session: Session, pack: Pack, kind: TargetType, target_id: int) -> None:
    session.add(PackTarget(pack_id=pack.id, type=kind, target_id=target_id))


def the_host_of(session: Session, identifier: str) -> Host:
    return session.scalars(select(Host).where(Host.osquery_host_id == identifier)).one()


def the_host(session: Session) -> Host:
    session.commit()
    session.expire_all()
    return session.scalars(select(Host)).one()


def test_a_new_instance_sends_its_default_options_and_no_packs(agent: Agent) -> None:
    assert agent.config() == DEFAULT_AGENT_OPTIONS["config"]


def test_a_config_from_memory_makes_no_statement(agent: Agent, runtime: Runtime) -> None:
    agent.config()
    agent.config()
    with counted(runtime.engine) as statements:
        agent.config()
    assert agent.at_once and statements == []


def another(runtime: Runtime, identifier: str) -> Agent:
    """A host that has everything but a config since something changed."""
    host = Agent(runtime.plane)
    host.enroll(identifier=identifier)
    host.settle()
    host.config()  # writes the intervals of the options
    runtime.watcher.poll()
    return host


def test_what_is_ready_for_others_costs_one_statement_for_the_packs_of_a_host(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    other = another(runtime, "id-2")
    pack = factories.make_pack(session, "P")
    for identifier in ("id-1", "id-2"):
        aim(session, pack, TargetType.HOST, the_host_of(session, identifier).id)
    announced(session, runtime)
    for host in (agent, other):
        host.read()
    assert set(agent.config()["packs"]) == {"P"}
    with counted(runtime.engine) as statements:
        assert set(other.config()["packs"]) == {"P"}
    assert len(statements) == 1


def test_where_no_pack_is_aimed_at_anybody_it_costs_none_until_one_is(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    other = another(runtime, "id-2")
    announced(session, runtime)
    for host in (agent, other):
        host.read()
    agent.config()
    with counted(runtime.engine) as statements:
        assert "packs" not in other.config()
    assert other.at_once and statements == []
    aim(session, factories.make_pack(session, "P"), TargetType.HOST, the_host_of(session, "id-2").id)
    announced(session, runtime)
    assert set(other.config()["packs"]) == {"P"}
    assert "packs" not in agent.config()


def test_news_of_hosts_leave_ready_configs_in_memory(agent: Agent, runtime: Runtime, session: Session) -> None:
    other = another(runtime, "id-2")
    agent.config()
    other.config()
    announced(session, runtime, changes.HOST, the_host_of(session, "id-1").id)
    agent.read()
    with counted(runtime.engine) as statements:
        agent.config()
        other.config()
    assert other.at_once and not [statement for statement in statements if "FROM queries" in statement]


def test_without_options_a_config_is_empty(agent: Agent, runtime: Runtime, session: Session) -> None:
    documents: list[Any] = [None, {}, {"config": None}, {"config": [], "overrides": 5}]
    for document in documents:
        options(session, runtime, document)
        assert agent.config() == {}


def test_an_override_replaces_the_options_for_exactly_its_platform(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    document = {"config": {"options": {"a": 1}}, "overrides": {"platforms": {"linux": {"b": 1}}}}
    options(session, runtime, document)
    assert agent.config() == {"options": {"a": 1}}
    options(session, runtime, document | {"overrides": {"platforms": {"ubuntu": {"views": {}}}}})
    assert agent.config() == {"views": {}}


def test_options_of_a_team_win_and_absent_ones_do_not(agent: Agent, runtime: Runtime, session: Session) -> None:
    team = factories.make_team(session)
    host = the_host(session)
    host.team_id = team.id
    announced(session, runtime, changes.HOST, host.id)
    assert agent.config() == DEFAULT_AGENT_OPTIONS["config"]
    team.agent_options = {"config": {"options": {"team": True}}}
    announced(session, runtime)
    assert agent.config() == {"options": {"team": True}}


def test_scheduled_queries_come_as_global_and_team_packs(agent: Agent, runtime: Runtime, session: Session) -> None:
    team, other = factories.make_team(session), factories.make_team(session)
    scheduled: dict[str, Any] = {"interval": 60, "automations_enabled": True, "query": "SELECT 1"}
    factories.make_query(session, "plain", **scheduled)
    factories.make_query(session, "snap", logging="snapshot", platform="darwin", min_osquery_version="5.0", **scheduled)
    factories.make_query(session, "diff", logging="differential", **scheduled)
    factories.make_query(session, "adds", logging="differential_ignore_removals", **scheduled)
    factories.make_query(session, "off", **scheduled | {"automations_enabled": False})
    factories.make_query(session, "never", **scheduled | {"interval": 0})
    factories.make_query(session, "unsaved", saved=False, **scheduled)
    factories.make_query(session, "ours", team_id=team.id, **scheduled)
    factories.make_query(session, "theirs", team_id=other.id, **scheduled)
    announced(session, runtime)
    plain = {"query": "SELECT 1", "interval": 60, "platform": "", "version": ""}
    everybody = {
        "queries": {
            "plain": plain,
            "snap": plain | {"platform": "darwin", "version": "5.0", "snapshot": True},
            "diff": plain | {"removed": True},
            "adds": plain | {"removed": False},
        }
    }
    assert agent.config()["packs"] == {"Global": everybody}
    host = the_host(session)
    host.team_id = team.id
    announced(session, runtime, changes.HOST, host.id)
    assert agent.config()["packs"] == {"Global": everybody, f"team-{team.id}": {"queries": {"ours": plain}}}


def test_packs_come_by_label_host_and_team(agent: Agent, runtime: Runtime, session: Session) -> None:
    host = the_host(session)
    team = factories.make_team(session)
    label = factories.make_label(session, hosts=[host])
    packs = [factories.make_pack(session, name) for name in ("by label", "by host", "by team", "of others")]
    aim(session, packs[0], TargetType.LABEL, label.id)
    aim(session, packs[1], TargetType.HOST, host.id)
    aim(session, packs[2], TargetType.TEAM, team.id)
    aim(session, packs[3], TargetType.HOST, host.id + 1)
    aim(session, packs[3], TargetType.LABEL, host.id)
    announced(session, runtime)
    assert set(agent.config()["packs"]) == {"by label", "by host"}
    host.team_id = team.id
    announced(session, runtime, changes.HOST, host.id)
    assert set(agent.config()["packs"]) == {"by label", "by host", "by team"}
    for pack in packs:
        pack.disabled = True
    announced(session, runtime)
    assert set(agent.config()["packs"]) == {"by host", "by team"}


def test_members_of_a_pack_query_that_were_never_given_are_absent(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    pack = factories.make_pack(session, "P", platform="linux")
    aim(session, pack, TargetType.HOST, the_host(session).id)
    schedule(session, pack, "bare")
    schedule(session, pack, "zero", platform="", version="", removed=False, snapshot=False, shard=0, denylist=False)
    schedule(
        session, pack, "full", platform="linux", version="4.5", removed=True, snapshot=True, shard=20, denylist=True
    )
    announced(session, runtime)
    assert agent.config()["packs"] == {
        "P": {
            "platform": "linux",
            "queries": {
                "bare": {"query": "SELECT 'bare'", "interval": 60},
                "zero": {
                    "query": "SELECT 'zero'", "interval": 60, "platform": "", "version": "", "removed": False,
                    "shard": 0, "denylist": False,
                },
                "full": {
                    "query": "SELECT 'full'", "interval": 60, "platform": "linux", "version": "4.5", "removed": True,
                    "snapshot": True, "shard": 20, "denylist": True,
                },
            },
        }
    }  # fmt: skip


def test_a_pack_without_queries_is_sent_and_one_called_global_gives_way(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    for name in ("Empty", "Global"):
        aim(session, factories.make_pack(session, name), TargetType.HOST, the_host(session).id)
    factories.make_query(session, "q", interval=5, automations_enabled=True)
    announced(session, runtime)
    packs = agent.config()["packs"]
    assert packs["Empty"] == {"queries": {}}
    assert set(packs["Global"]["queries"]) == {"q"}


def test_packs_in_the_options_stay_until_the_server_has_some(agent: Agent, runtime: Runtime, session: Session) -> None:
    options(session, runtime, {"config": {"packs": {"mine": {}}}})
    assert agent.config() == {"packs": {"mine": {}}}
    factories.make_query(session, "q", interval=5, automations_enabled=True)
    announced(session, runtime)
    assert set(agent.config()["packs"]) == {"Global"}


def test_a_host_that_joins_a_label_gets_its_packs(agent: Agent, runtime: Runtime, session: Session) -> None:
    label = factories.make_label(session)
    pack = factories.make_pack(session, "P")
    aim(session, pack, TargetType.LABEL, label.id)
    announced(session, runtime)
    assert "packs" not in agent.config()
    agent.write({f"fleet_label_query_{label.id}": [{"1": "1"}]})
    assert set(agent.config()["packs"]) == {"P"}
    assert session.get(LabelMembership, (the_host(session).id, label.id)) is not None


def test_intervals_in_the_options_become_columns_of_the_host(agent: Agent, runtime: Runtime, session: Session) -> None:
    document = {"distributed_interval": "20", "logger_tls_period": 7.9, "config_refresh": 33, "config_tls_refresh": 99}
    options(session, runtime, {"config": {"options": document}})
    agent.config()
    host = the_host(session)
    assert (host.distributed_interval, host.logger_tls_period, host.config_tls_refresh) == (20, 7, 33)
    odd = {"distributed_interval": "x", "logger_tls_period": -1, "config_refresh": 2**70}
    options(session, runtime, {"config": {"options": odd}})
    assert agent.call("config")[0] == 200
    host = the_host(session)
    assert (host.distributed_interval, host.logger_tls_period, host.config_tls_refresh) == (20, 7, 33)
