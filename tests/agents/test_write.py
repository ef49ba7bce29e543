"""distributed/write: what is taken, what is left, and what it costs."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.app_config import service as app_config
from fleet.hosts.models import Host, HostAdditional, HostDisk
from fleet.labels.models import ALL_HOSTS, LabelMembership, MembershipType
from fleet.live.models import Campaign, CampaignStatus
from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import DETAILS, Agent, counted

UPTIME = "fleet_detail_query_uptime"


def the_host(session: Session) -> Host:
    session.commit()
    session.expire_all()
    return session.scalars(select(Host)).one()


def labels_of(session: Session) -> set[int]:
    session.commit()
    session.expire_all()
    return set(session.scalars(select(LabelMembership.label_id)))


def test_details_become_columns(agent: Agent, session: Session) -> None:
    status, answer = agent.write(
        {
            "fleet_detail_query_uptime": [{"total_seconds": "16691"}],
            "fleet_detail_query_os_version": [DETAILS["os_version"] | {"platform": "debian", "name": "Debian"}],
            "fleet_detail_query_osquery_flags": [
                {"name": "distributed_interval", "value": "11"},
                {"name": "config_refresh", "value": "30"},
                {"name": "config_tls_refresh", "value": "60"},
                {"name": "logger_tls_period", "value": ""},
            ],
            "fleet_detail_query_network_interface_unix": [{"address": "10.0.0.11", "mac": "52:54:00:aa:00:11"}],
            "fleet_detail_query_disk_space_unix": [
                {"percent_disk_space_available": "41", "gigs_disk_space_available": "196.27"}
            ],
        }
    )
    assert (status, answer) == (200, {})
    host = the_host(session)
    assert host.uptime == 16691 * 10**9
    assert (host.platform, host.os_version) == ("debian", "Debian 22.4.0")
    assert (host.distributed_interval, host.config_tls_refresh, host.logger_tls_period) == (11, 60, 0)
    assert (host.primary_ip, host.primary_mac, host.public_ip) == ("10.0.0.11", "52:54:00:aa:00:11", "")
    assert host.refetch_requested is False
    assert clock.now() - host.detail_updated_at < timedelta(minutes=1)
    assert host.label_updated_at == clock.NEVER
    disk = session.scalars(select(HostDisk)).one()
    assert (disk.percent_disk_space_available, disk.gigs_disk_space_available) == (41.0, 196.27)


def test_details_written_elsewhere_alone_do_not_count_as_details(agent: Agent, session: Session) -> None:
    agent.write({"fleet_detail_query_disk_space_unix": []})
    assert the_host(session).detail_updated_at == clock.NEVER


def test_answers_to_labels_alone_do_not_count_as_details(agent: Agent, session: Session) -> None:
    agent.write({"fleet_label_query_7": []})
    host = the_host(session)
    assert host.detail_updated_at == clock.NEVER != host.label_updated_at


def test_the_poll_after_the_answers_is_answered_from_memory(agent: Agent, runtime: Runtime) -> None:
    agent.read()
    agent.settle()
    with counted(runtime.engine) as statements:
        assert agent.read() == {"queries": {}, "discovery": {}}
    assert statements == []


def test_a_detail_without_rows_counts_and_changes_nothing(agent: Agent, session: Session) -> None:
    agent.write({UPTIME: "", "fleet_detail_query_system_info": [{}, {}]})
    host = the_host(session)
    assert host.detail_updated_at != clock.NEVER and host.hostname == "orion"


def test_a_status_that_is_no_success_is_a_failure_and_the_rest_is_taken(agent: Agent, session: Session) -> None:
    for number, status in enumerate((1, "1", -1, "zero", "", "1.5", None, True, {}, [])):
        answer = agent.write(
            {UPTIME: [{"total_seconds": "5"}], "fleet_detail_query_osquery_info": [{"version": str(number)}]},
            statuses={UPTIME: status},
        )
        assert answer == (200, {})
        host = the_host(session)
        assert (host.uptime, host.osquery_version) == (0, str(number))


def test_a_success_can_be_said_in_several_ways(agent: Agent, session: Session) -> None:
    for seconds, status in enumerate((0, "0", 0.9, "-0"), start=1):
        agent.write({UPTIME: [{"total_seconds": str(seconds)}]}, statuses={UPTIME: status})
        assert the_host(session).uptime == seconds * 10**9


def test_members_of_the_wrong_type_are_400(agent: Agent, session: Session) -> None:
    wrong: list[dict[str, Any]] = [
        {"queries": []},
        {"queries": "x"},
        {"statuses": []},
        {"messages": []},
        {"messages": {"a": 1}},
        {"node_key": 5},
    ]
    for fields in wrong:
        status, answer = agent.call("distributed/write", **({"queries": {UPTIME: [{"total_seconds": "5"}]}} | fields))
        assert status == 400
        assert answer["errors"] == [{"name": "base", "reason": "json decoder error"}]
        assert "node_invalid" not in answer
        assert the_host(session).uptime == 0


def test_rows_of_any_shape_are_taken_as_what_is_usable(agent: Agent, session: Session) -> None:
    none: list[Any] = ["", None, 5, {}, "text", [], [None]]
    some: list[Any] = [[5], ["x"], [[]], [{}], [{"total_seconds": None}]]
    for rows in (shape for pair in zip(some * 2, none * 2, strict=False) for shape in pair):
        agent.write({UPTIME: [{"total_seconds": "7"}]})
        assert agent.write({UPTIME: rows, "fleet_label_query_7": rows}) == (200, {})
        assert labels_of(session) == ({ALL_HOSTS, 7} if rows in some else {ALL_HOSTS})
        assert the_host(session).uptime == (0 if rows in some else 7 * 10**9)


def test_a_number_that_does_not_fit_changes_nothing(agent: Agent, session: Session) -> None:
    for seconds in ["1e3", "-5", "9" * 19, "9" * 400, "0x10", "١", " 1", "1_0"]:
        assert agent.write({UPTIME: [{"total_seconds": seconds}]}) == (200, {})
        assert the_host(session).uptime == 0


def test_names_that_nobody_asked_are_ignored(agent: Agent, session: Session) -> None:
    queries: dict[str, Any] = dict.fromkeys(
        ["whatever", "", "fleet_detail_query_nope", "fleet_detail_query_", "fleet_label_query_", "fleet_label_query_x",
         "fleet_label_query_-6", "fleet_label_query_" + "9" * 30, "fleet_distributed_query_999",
         "fleet_additional_query_time", "fleet_policy_query_1", "fleet_no_policies_wildcard"],
        [{"a": "b"}],
    )  # fmt: skip
    assert agent.write(queries) == (200, {})
    assert session.scalars(select(HostAdditional)).all() == []
    assert labels_of(session) == {ALL_HOSTS}


def test_label_answers_are_written_as_differences(agent: Agent, runtime: Runtime, session: Session) -> None:
    answers = {"fleet_label_query_6": [{"1": "1"}], "fleet_label_query_7": [], "fleet_label_query_8": [{"1": "1"}]}
    agent.write(answers)
    assert labels_of(session) == {6, 8}
    with counted(runtime.engine) as statements:
        agent.write(answers)
    assert not [s for s in statements if "label_membership" in s and not s.lstrip().startswith("SELECT")]
    agent.write({"fleet_label_query_7": [{"1": "1"}], "fleet_label_query_8": []})
    session.commit()
    session.expire_all()
    assert labels_of(session) == {6, 7}
    assert the_host(session).label_updated_at != clock.NEVER


def test_a_failed_label_is_left_but_nobody_leaves_all_hosts(agent: Agent, session: Session) -> None:
    agent.write({"fleet_label_query_8": [{"1": "1"}]})
    names = ["fleet_label_query_6", "fleet_label_query_8"]
    agent.write(dict.fromkeys(names, ""), statuses=dict.fromkeys(names, 1))
    assert labels_of(session) == {ALL_HOSTS}


def test_late_answers_to_labels_that_are_gone_or_manual_are_ignored(agent: Agent, session: Session) -> None:
    gone = factories.make_label(session)
    manual = factories.make_label(session, label_membership_type=MembershipType.MANUAL)
    listed = factories.make_label(
        session, label_membership_type=MembershipType.MANUAL, hosts=[session.scalars(select(Host)).one()]
    )
    names = [f"fleet_label_query_{label.id}" for label in (gone, manual)]
    listed_name, listed_id = f"fleet_label_query_{listed.id}", listed.id
    session.delete(gone)
    session.commit()
    queries: dict[str, Any] = dict.fromkeys(names, [{"1": "1"}])
    assert agent.write(queries | {listed_name: [], "fleet_label_query_8": [{"1": "1"}]}) == (200, {})
    assert labels_of(session) == {ALL_HOSTS, 8, listed_id}


def test_answers_to_more_labels_than_fit_into_a_statement_cost_nothing_of_a_write(
    agent: Agent, session: Session
) -> None:
    made_up: dict[str, Any] = {f"fleet_label_query_{number}": [{"1": "1"}] for number in range(100, 70_100)}
    answers = made_up | {"fleet_label_query_8": [{"1": "1"}], UPTIME: [{"total_seconds": "5"}]}
    assert agent.write(answers) == (200, {})
    assert labels_of(session) == {ALL_HOSTS, 8}
    assert the_host(session).uptime == 5 * 10**9


def test_additional_answers_replace_the_former_ones(agent: Agent, runtime: Runtime, session: Session) -> None:
    config = app_config.get(session)
    features = config.features.model_copy(update={"additional_queries": {"a": "SELECT 1", "b": "SELECT 2"}})
    app_config.save(session, config.model_copy(update={"features": features}))
    session.commit()
    runtime.watcher.poll()
    both = {"fleet_additional_query_a": [{"x": "1"}], "fleet_additional_query_b": [{"y": "2"}]}
    agent.write(both)
    assert session.scalars(select(HostAdditional.additional)).one() == '{"a":[{"x":"1"}],"b":[{"y":"2"}]}'
    session.commit()
    agent.write(both, statuses={"fleet_additional_query_b": 1})
    assert session.scalars(select(HostAdditional.additional)).one() == '{"a":[{"x":"1"}]}'


def test_nul_and_half_surrogates_become_replacement_characters(agent: Agent, session: Session) -> None:
    body = (
        b'{"node_key":"%s","queries":{"fleet_detail_query_osquery_info":[{"version":"a\\u0000b\\ud800c\\\\u0000'
        b'\\ud83d\\ude00\\udc00"}]}}' % agent.node_key.encode()
    )
    assert agent.send("distributed/write", body) == (200, {})
    assert the_host(session).osquery_version == "a\ufffdb\ufffdc\\u0000\U0001f600\ufffd"


def test_bytes_that_are_no_utf8_do_not_silence_a_host(agent: Agent, session: Session) -> None:
    body = b'{"node_key":"%s","queries":{"fleet_detail_query_osquery_info":[{"version":"a\xffb"}]}} trailing'
    assert agent.send("distributed/write", body % agent.node_key.encode()) == (200, {})
    assert the_host(session).osquery_version == "a\ufffdb"


def test_a_write_of_a_deleted_host_is_refused_and_stores_nothing(agent: Agent, session: Session) -> None:
    agent.read()
    session.delete(session.scalars(select(Host)).one())
    session.commit()  # nothing announced yet: the node is still in memory
    status, answer = agent.write({UPTIME: [], "fleet_label_query_8": [{"1": "1"}]})
    assert status == 401 and answer["node_invalid"] is True
    assert labels_of(session) == set()


def test_only_columns_of_the_agent_are_written(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.read()
    team = factories.make_team(session)
    the_host(session).team_id = team.id
    session.commit()  # a transfer between read and write
    agent.write({UPTIME: [{"total_seconds": "5"}]})
    assert the_host(session).team_id == team.id


def campaign(session: Session, **fields: Any) -> int:
    row = Campaign(query_id=factories.make_query(session, saved=False).id, **fields)
    session.add(row)
    session.commit()
    return row.id


def test_a_live_answer_reaches_its_reader_without_a_statement(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    agent.read()
    number, host_id = campaign(session), the_host(session).id
    runtime.live.start(number, "SELECT 1", [host_id])
    reader = runtime.live.read(number)
    name = f"fleet_distributed_query_{number}"
    with counted(runtime.engine) as statements:
        rows = [{"a": "1", "b": 2, "c": None, "d": True, "e": 1.5}, None, 7, {"f": 2}]
        assert agent.write({name: rows}, statuses={name: 0}) == (200, {})
    assert statements == []
    result = reader.next(1)
    assert result is not None
    assert result.rows == [{"a": "1", "b": "2", "c": "", "d": "", "e": "1.5"}, {}, {"f": "2"}]
    assert (result.host_id, result.hostname, result.display_name, result.error) == (host_id, "orion", "Orion", None)
    assert runtime.live.due(host_id) == {}


def test_a_failed_live_answer_carries_its_message(agent: Agent, runtime: Runtime, session: Session) -> None:
    number = campaign(session)
    runtime.live.start(number, "SELECT 1", [the_host(session).id])
    reader = runtime.live.read(number)
    name = f"fleet_distributed_query_{number}"
    agent.write({name: ""}, statuses={name: "1"}, messages={name: "no such table: foo"})
    result = reader.next(1)
    assert result is not None and (result.rows, result.error) == ([], "no such table: foo")


def test_a_live_answer_bears_the_name_that_came_with_it(agent: Agent, runtime: Runtime, session: Session) -> None:
    number = campaign(session)
    runtime.live.start(number, "SELECT 1", [the_host(session).id])
    reader = runtime.live.read(number)
    names = DETAILS["system_info"] | {"hostname": "lyra", "computer_name": "Lyra"}
    agent.write({"fleet_detail_query_system_info": [names], f"fleet_distributed_query_{number}": []})
    result = reader.next(1)
    assert result is not None and (result.hostname, result.display_name) == ("lyra", "Lyra")


def test_why_a_query_failed_stands_in_the_log_at_its_level(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    for status, message, level in (
        (1, "near x: syntax error", "DEBUG"),
        (1, "distributed query is denylisted", "ERROR"),
        (1, "no such table: users", None),
        (1, "", None),
        (0, "all is well", None),
    ):
        caplog.clear()
        with caplog.at_level("DEBUG", "fleet.agents"):
            agent.write({UPTIME: []}, statuses={UPTIME: status}, messages={UPTIME: message})
        said = [(record.levelname, record.getMessage()) for record in caplog.records if "failed" in record.msg]
        assert said == ([(level, f"query failed on a host: {UPTIME}: {message}")] if level else [])


def test_a_host_that_was_not_asked_cannot_answer(agent: Agent, runtime: Runtime, session: Session) -> None:
    number = campaign(session)
    runtime.live.start(number, "SELECT 1", [the_host(session).id + 1])
    reader = runtime.live.read(number)
    agent.write({f"fleet_distributed_query_{number}": [{"a": "1"}]})
    assert reader.next(0.01) is None


def test_a_campaign_without_reader_is_kept_for_a_minute_and_then_closed(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    host_id = the_host(session).id
    young, old = campaign(session), campaign(session, created_at=clock.now() - timedelta(seconds=61))
    gone = old + 1
    for number in (young, old, gone):
        runtime.live.start(number, "SELECT 1", [host_id])
    agent.write({f"fleet_distributed_query_{number}": [] for number in (young, old, gone)})
    assert set(runtime.live.due(host_id)) == {young}
    session.commit()
    session.expire_all()
    statuses = {row.id: row.status for row in session.scalars(select(Campaign))}
    assert statuses == {young: CampaignStatus.WAITING, old: CampaignStatus.COMPLETE}


def test_the_public_address_is_that_of_the_caller_unless_it_is_private(agent: Agent, session: Session) -> None:
    name = "fleet_detail_query_network_interface_unix"
    body = orjson.dumps({"node_key": agent.node_key, "queries": {name: [{"address": "10.0.0.1", "mac": "m"}]}})
    addresses = {
        "8.8.8.8": "8.8.8.8",
        "nonsense": "8.8.8.8",
        "100.64.1.1": "100.64.1.1",
        "192.168.0.1": "",
        "2001:4860::8": "2001:4860::8",
        "fd00::1": "",
        "::ffff:10.0.0.1": "",
    }
    for peer, public in addresses.items():
        assert agent.send("distributed/write", body, {"x-forwarded-for": "1.1.1.1"}, peer=peer)[0] == 200
        assert the_host(session).public_ip == public
