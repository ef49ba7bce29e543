"""Agents on the network, over real HTTP: enroll, poll, answer, log, and recover."""

import asyncio
import json
import ssl
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fleet.bundled_agent.__main__ import main
from fleet.bundled_agent.agent import GOOD, Agent, Behavior, user_agent
from fleet.bundled_agent.background import Background
from fleet.bundled_agent.client import Client, Server, Unreachable
from fleet.bundled_agent.flags import Flags
from fleet.bundled_agent.fleet import Fleet
from fleet.bundled_agent.node import Node, over_http
from fleet.bundled_agent.protocol import Refused
from fleet.bundled_agent.simulated import SimulatedHost
from fleet.bundled_agent.state import State
from tests.bundled_agent.conftest import SECRET, FakeServer

FAST = {"distributed_interval": "0.05", "config_refresh": "0.1", "logger_tls_period": "0.1"}


def fast() -> Flags:
    return Flags(FAST, pinned=FAST)


@contextmanager
def running(agent: Agent) -> Iterator[Agent]:
    background = Background(agent.run, "agent")
    background.start()
    try:
        yield agent
    finally:
        background.stop()


def agent_of(server: FakeServer, *, state: State | None = None, behavior: Behavior = GOOD) -> Agent:
    where = Server.at(server.url, user_agent=user_agent(), ca=server.certificate or None)
    host = SimulatedHost("test", 0)
    return Agent(where, SECRET, host, flags=fast(), state=state, behavior=behavior)


def node_of(server: FakeServer, index: int = 0) -> Node:
    return Node(over_http(server.url), SECRET, SimulatedHost("test", index))


def test_a_node_enrolls_with_the_details_of_its_host(server: FakeServer) -> None:
    node = node_of(server)
    assert node.enroll() == "key-1"
    (request,) = server.enrolled
    who = SimulatedHost("test", 0).identity
    assert request["host_identifier"] == who.uuid
    assert request["platform_type"] == "21"
    details = request["host_details"]
    assert set(details) == {"os_version", "osquery_info", "platform_info", "system_info"}
    assert details["system_info"]["hostname"] == who.hostname
    assert details["os_version"]["platform"] == "darwin"
    assert all(isinstance(cell, str) for table in details.values() for cell in table.values())


def test_a_wrong_secret_is_refused(server: FakeServer) -> None:
    node = Node(over_http(server.url), "wrong", SimulatedHost("test", 0))
    with pytest.raises(Refused, match="no matching secret") as refused:
        node.enroll()
    assert refused.value.node_invalid


def test_an_agent_with_a_wrong_secret_tries_again_and_is_not_counted(server: FakeServer) -> None:
    where = Server.at(server.url, user_agent=user_agent())
    with running(Agent(where, "wrong", SimulatedHost("test", 0), flags=fast())) as agent:
        deadline = time.monotonic() + 10
        while agent.counters.errors["Refused"] < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert agent.counters.enrolled == 0
    assert server.enrolled == []


def test_check_in_answers_with_rows_statuses_messages_and_stats(server: FakeServer) -> None:
    server.questions = {"good": "SELECT 1 AS one", "bad": "SELECT * FROM nope", "none": "SELECT 1 WHERE 0"}
    node_of(server).check_in()
    (write,) = server.writes
    assert write["queries"] == {"good": [{"one": "1"}], "bad": [], "none": []}
    assert write["statuses"] == {"good": 0, "bad": 1, "none": 0}
    assert write["messages"] == {"good": "", "bad": "no such table: nope", "none": ""}
    assert set(write["stats"]["good"]) == {"wall_time_ms", "user_time", "system_time", "memory"}


def test_nothing_to_say_is_not_said(server: FakeServer) -> None:
    node_of(server).check_in()
    assert server.writes == []


def test_discovery_decides_what_runs(server: FakeServer) -> None:
    registry = "SELECT 1 FROM osquery_registry WHERE active = true AND registry = 'table' AND name = '{}'"
    server.questions = {"mdm": "SELECT enrolled FROM mdm", "kube": "SELECT 1", "odd": "SELECT 1"}
    server.discovery = {"mdm": registry.format("mdm"), "kube": registry.format("kubernetes_info"), "odd": "nonsense"}
    node_of(server).check_in()
    assert list(server.writes[0]["queries"]) == ["mdm"]


def test_an_agent_enrolls_polls_and_answers(server: FakeServer) -> None:
    with running(agent_of(server)) as agent:
        server.wait_for("reads", 3)
        server.questions = {"fleet_distributed_query_1": "SELECT hostname FROM system_info"}
        server.wait_for("writes")
    assert len(server.enrolled) == 1
    hostname = SimulatedHost("test", 0).identity.hostname
    assert server.writes[0]["queries"] == {"fleet_distributed_query_1": [{"hostname": hostname}]}
    assert server.user_agents == {user_agent()}
    assert agent.counters.polls >= 3
    assert agent.counters.latencies["read"].percentile(99) > 0


def test_an_agent_reads_chunked_responses(server: FakeServer) -> None:
    server.chunked = True
    with running(agent_of(server)):
        server.wait_for("reads", 3)
    assert len(server.enrolled) == 1


def test_an_agent_whose_key_is_no_longer_good_enrolls_again(server: FakeServer) -> None:
    with running(agent_of(server)):
        server.wait_for("reads", 2)
        server.forget_nodes()
        server.wait_for("enrolled", 2)
        server.wait_for("reads", server.reads + 2)


def test_an_agent_survives_errors_and_keeps_its_key(server: FakeServer) -> None:
    with running(agent_of(server)) as agent:
        server.wait_for("reads", 1)
        server.fail_next = [500]
        server.wait_for("reads", server.reads + 2)
        assert agent.counters.errors["Refused"] == 1
    assert len(server.enrolled) == 1


def test_answers_are_written_again_when_the_server_could_not_take_them(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.bundled_agent.agent.RETRY_AFTER", 0.05)
    server.fail_writes = 2
    server.questions = {"fleet_distributed_query_1": "SELECT 1 AS one"}
    with running(agent_of(server)):
        server.wait_for("writes")
    assert server.writes[0]["queries"] == {"fleet_distributed_query_1": [{"one": "1"}]}
    assert server.fail_writes == 0


def test_answers_too_large_together_arrive_one_by_one(server: FakeServer) -> None:
    server.write_bytes_max = 2000
    long = "SELECT hex(zeroblob({})) AS it"
    server.questions = {"a": long.format(600), "b": long.format(600), "c": long.format(5000)}
    with running(agent_of(server)):
        server.wait_for("writes", 3)
    assert [write["statuses"] for write in server.writes] == [{"a": 0}, {"b": 0}, {"c": 1}]
    assert server.writes[2]["messages"] == {"c": "the server takes no result of this size"}


def test_scheduled_queries_run_on_while_the_server_is_away(server: FakeServer) -> None:
    query = {"query": "SELECT unix_time FROM time", "interval": 1, "snapshot": True}
    server.config = {"options": {"schedule_splay_percent": 0}, "schedule": {"now": query}}
    with running(agent_of(server)) as agent:
        server.wait_for("logs")
        server.fail_next = [503] * 1000
        time.sleep(3.5)
        assert len(agent.osqueryd.logger) >= 2
        server.fail_next = []
        before = len(server.logs)
        server.wait_for("logs", before + 1)
    assert len(server.logs[before]["data"]) >= 2


def test_logs_that_are_not_taken_hold_up_nothing_else(server: FakeServer) -> None:
    query = {"query": "SELECT unix_time FROM time", "interval": 1, "snapshot": True}
    server.config = {"options": {"schedule_splay_percent": 0}, "schedule": {"now": query}}
    server.full_disk = True
    with running(agent_of(server)) as agent:
        deadline = time.monotonic() + 10
        while agent.counters.errors["Refused"] < 5:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.wait_for("reads", server.reads + 5, seconds=2)
        server.full_disk = False
        server.wait_for("logs")


def test_an_agent_ends_at_once_although_a_query_runs(server: FakeServer) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    server.questions = {"a": endless, "b": endless}
    with ThreadPoolExecutor(1) as executor:
        where = Server.at(server.url, user_agent=user_agent())
        with running(Agent(where, SECRET, SimulatedHost("test", 0), flags=fast(), executor=executor)):
            server.wait_for("reads")
            time.sleep(0.3)
        started = time.monotonic()
    assert time.monotonic() - started < 5


def test_a_key_that_is_no_longer_good_is_replaced_at_once(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda *_: 100.0)  # what follows an error waits long
    slow = {"distributed_interval": "3600", "config_refresh": "0.2"}
    where = Server.at(server.url, user_agent=user_agent())
    with running(Agent(where, SECRET, SimulatedHost("test", 0), flags=Flags(slow, pinned=slow))):
        server.wait_for("reads")
        server.forget_nodes()
        server.wait_for("enrolled", 2, seconds=3)
        server.wait_for("reads", 2, seconds=3)


def test_accelerate_makes_the_next_polls_come_soon(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.bundled_agent.agent.ACCELERATED_INTERVAL", 0.05)
    server.accelerate = 10
    where = Server.at(server.url, user_agent=user_agent())
    slow = {"distributed_interval": "3600"}
    with running(Agent(where, SECRET, SimulatedHost("test", 0), flags=Flags(slow, pinned=slow))):
        server.wait_for("reads", 4)


def test_scheduled_results_arrive_compressed(server: FakeServer) -> None:
    server.config = {
        "options": {"pack_delimiter": "/"},
        "decorators": {"load": ["SELECT uuid AS host_uuid FROM system_info;"]},
        "packs": {"Global": {"queries": {"apps": {"query": "SELECT name FROM apps", "interval": 1, "snapshot": True}}}},
    }
    with running(agent_of(server)) as agent:
        server.wait_for("reads", 1)
        server.wait_for("logs", 2)
    assert server.gzipped >= 2
    log = server.logs[0]
    assert log["log_type"] == "result"
    line = log["data"][0]
    who = SimulatedHost("test", 0).identity
    assert line["name"] == "pack/Global/apps"
    assert line["action"] == "snapshot"
    assert line["hostIdentifier"] == who.uuid
    assert line["decorations"] == {"host_uuid": who.uuid}
    assert {"name": "Safari.app"} in line["snapshot"]
    assert agent.counters.log_lines >= 1


def test_tls_trusts_the_given_authority_and_nobody_else(tls_server: FakeServer) -> None:
    with running(agent_of(tls_server)):
        tls_server.wait_for("reads", 2)
    stranger = Client(Server.at(tls_server.url, user_agent="x"))
    with pytest.raises(Unreachable, match="not trusted: self-signed.*--ca"):
        asyncio.run(stranger.post("/api/v1/osquery/enroll", b"{}"))
    node = Node(
        over_http(tls_server.url, tls=ssl.create_default_context(cafile=tls_server.certificate)),
        SECRET,
        SimulatedHost("test", 1),
    )
    assert node.enroll()


def test_insecure_trusts_anybody(tls_server: FakeServer) -> None:
    async def post() -> int:
        client = Client(Server.at(tls_server.url, user_agent="x", insecure=True))
        response = await client.post("/api/v1/osquery/enroll", json.dumps({"enroll_secret": SECRET}).encode())
        client.close()
        return response.status

    assert asyncio.run(post()) == 200


def test_a_restart_does_not_enroll_anew(server: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "data" / "state.json"
    for run in (1, 2):
        with running(agent_of(server, state=State(path))):
            server.wait_for("reads", server.reads + 2)
        assert len(server.enrolled) == 1, f"run {run}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_bad_host_fails_live_queries_only(server: FakeServer) -> None:
    server.questions = {"fleet_distributed_query_7": "SELECT 1", "fleet_label_query_6": "SELECT 1"}
    with running(agent_of(server, behavior=Behavior(fails=True))):
        server.wait_for("writes")
    assert server.writes[0]["statuses"] == {"fleet_distributed_query_7": 1, "fleet_label_query_6": 0}
    assert server.writes[0]["messages"]["fleet_distributed_query_7"] == "simulated failure"


def test_a_slow_host_answers_live_queries_late(server: FakeServer) -> None:
    server.questions = {"fleet_distributed_query_7": "SELECT 1"}
    with running(agent_of(server, behavior=Behavior(delay=0.5))):
        server.wait_for("reads")
        started = time.monotonic()
        server.wait_for("writes")
    assert time.monotonic() - started > 0.4


def test_distributed_queries_can_be_switched_off(server: FakeServer) -> None:
    server.config = {"options": {"disable_distributed": True}}
    with running(agent_of(server)) as agent:
        deadline = time.monotonic() + 10
        while "config" not in agent.counters.latencies or agent.counters.latencies["config"].count < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert server.reads == 0


def test_a_fleet_enrolls_all_its_hosts_and_remembers_them(server: FakeServer, tmp_path: Path) -> None:
    where = Server.at(server.url, user_agent=user_agent())
    for _ in range(2):
        state = State(tmp_path / "fleet.json")
        fleet = Fleet(where, SECRET, hosts=12, seed="test", ramp=0.0, flags=fast(), state=state)
        fleet.start()
        assert fleet.wait_enrolled(15)
        server.wait_for("reads", server.reads + 12)
        fleet.stop()
        assert fleet.counters.errors == {}
    assert sorted(request["host_identifier"] for request in server.enrolled) == sorted(
        host.identifier for host in fleet.hosts
    )


def test_an_unreachable_server_is_an_error_and_not_a_crash() -> None:
    async def post() -> None:
        await Client(Server.at("http://127.0.0.1:1", user_agent="x")).post("/", b"{}")

    with pytest.raises(Unreachable):
        asyncio.run(post())


def test_node_keys_that_cannot_be_kept_are_a_warning(
    server: FakeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    with running(agent_of(server, state=State(tmp_path / "file" / "state.json"))):
        server.wait_for("reads", 2)
    assert "node keys cannot be kept" in caplog.text


def command(*arguments: str, secret: str = SECRET) -> Result:
    return CliRunner().invoke(main, arguments, env={"FLEET_ENROLL_SECRET": secret})


def test_the_command_line_says_what_to_mend(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    ca = ("--ca", str(tmp_path / "ca.pem"))
    assert "--secret" in command("--server", "http://127.0.0.1:1", secret="").output
    assert "no certificate in PEM form" in command("--server", "https://127.0.0.1:1", *ca).output
    assert "https:// only" in command("--server", "http://127.0.0.1:1", *ca).output
    assert "such as https://" in command("--server", "fleet.example.com").output


@pytest.mark.parametrize(
    "url", ["ftp://host", "host:8080", "http://", "http://h/é", "http://h/?a=b", "http://a..b", "http://h/\r\nX: y"]
)
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a server"):
        Server.at(url, user_agent="x")
