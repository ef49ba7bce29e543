"""Scheduled queries: which apply, when they run, and what they log."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from fleet.bundled_agent.configuration import BadConfiguration, Pack
from fleet.bundled_agent.engine import Engine
from fleet.bundled_agent.flags import Flags
from fleet.bundled_agent.osqueryd import Osqueryd
from fleet.bundled_agent.schedule import Applies
from fleet.schema import Constraint, Row

PACK = "pack/Global/it"
IDENTIFIER = "4C4C4544-0000-0000-0000-000000000001"


class Machine:
    """A Linux host whose users come and go."""

    constrained = frozenset[str]()
    platform = "linux"
    identifier = IDENTIFIER
    extensions = frozenset[str]()

    def __init__(self) -> None:
        self.users = ["ann", "bob"]

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        if table == "users":
            return [{"uid": number, "username": name} for number, name in enumerate(self.users)]
        return [{"uuid": IDENTIFIER, "hostname": "box"}] if table == "system_info" else []

    def scope(self, table: str) -> None:
        return None


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Host:
    """An agent whose time the test moves on."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.clock = Clock()
        self.osqueryd = Osqueryd(self.machine, Engine(), Flags(), clock=self.clock)

    def configure(
        self, options: dict[str, Any] | None = None, pack: dict[str, Any] | None = None, **query: Any
    ) -> None:
        query = {"query": "SELECT username FROM users", "interval": 60, "platform": "", "version": ""} | query
        document = {
            "options": {"pack_delimiter": "/", "schedule_splay_percent": 0, **(options or {})},
            "decorators": {"load": ["SELECT hostname FROM system_info"]},
            "packs": {"Global": {"queries": {"it": query}, **(pack or {})}},
        }
        self.osqueryd.configure(json.dumps(document).encode())

    def after(self, seconds: float = 60) -> list[dict[str, Any]]:
        """The lines that a run so much later logs."""
        self.clock.now += seconds
        self.osqueryd.run_scheduled()
        lines = []
        for kind in ("result", "status"):
            while batch := self.osqueryd.logger.batch(kind, 1000):
                lines += [json.loads(line) for line in batch.lines]
                self.osqueryd.logger.acknowledge(batch)
        return lines

    def schedule(self) -> dict[str, str]:
        return self.osqueryd.run("SELECT * FROM osquery_schedule").rows[0]


@pytest.fixture
def host() -> Host:
    return Host()


def changes(lines: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(line["action"], line["columns"]["username"], line["counter"]) for line in lines]


def test_the_first_run_logs_all_rows_and_later_ones_what_changed(host: Host) -> None:
    host.configure()
    assert changes(host.after()) == [("added", "ann", 0), ("added", "bob", 0)]
    assert host.after() == []
    host.machine.users = ["bob", "eve"]
    assert changes(host.after()) == [("removed", "ann", 1), ("added", "eve", 1)]
    host.machine.users = ["bob"]
    assert changes(host.after()) == [("removed", "eve", 2)]


def test_equal_rows_are_counted(host: Host) -> None:
    host.configure()
    host.machine.users = ["ann", "ann"]
    host.after()
    host.machine.users = ["ann", "ann", "ann"]
    assert changes(host.after()) == [("added", "ann", 1)]


def test_removals_can_be_ignored(host: Host) -> None:
    host.configure(removed=False)
    host.after()
    host.machine.users = ["bob"]
    assert host.after() == []


def test_a_snapshot_logs_everything_each_time(host: Host) -> None:
    host.configure(snapshot=True)
    for _ in range(2):
        (line,) = host.after()
        assert line["action"] == "snapshot"
        assert line["snapshot"] == [{"username": "ann"}, {"username": "bob"}]
        assert line["counter"] == 0


def test_a_line_has_osquerys_members(host: Host) -> None:
    host.configure()
    line = host.after()[0]
    assert line["name"] == PACK
    assert line["hostIdentifier"] == IDENTIFIER
    assert line["unixTime"] == int(host.clock.now)
    assert line["calendarTime"] == "Fri Jan 15 08:01:00 2027 UTC"
    assert line["epoch"] == 0
    assert line["numerics"] is False
    assert line["decorations"] == {"hostname": "box"}
    assert list(line)[-2:] == ["columns", "action"]


def test_one_line_can_hold_all_changes(host: Host) -> None:
    host.configure(options={"logger_event_type": False})
    (line,) = host.after()
    assert line["diffResults"] == {"added": [{"username": "ann"}, {"username": "bob"}], "removed": []}


def test_a_new_epoch_starts_over(host: Host) -> None:
    host.configure()
    host.after()
    host.configure(options={"schedule_epoch": 7})
    assert changes(host.after()) == [("added", "ann", 0), ("added", "bob", 0)]


def test_a_new_epoch_forgets_the_rows_of_the_old(host: Host) -> None:
    host.configure()
    host.after()
    host.machine.users = []
    host.configure(options={"schedule_epoch": 7})
    assert host.after() == []
    assert host.after() == []


def test_decorations_can_go_to_the_top(host: Host) -> None:
    host.configure(options={"decorations_top_level": True})
    line = host.after()[0]
    assert line["hostname"] == "box"
    assert "decorations" not in line


def test_snapshots_can_be_logged_row_by_row(host: Host) -> None:
    host.configure(options={"logger_snapshot_event_type": True}, snapshot=True)
    lines = host.after()
    assert [(line["action"], line["columns"]) for line in lines] == [
        ("snapshot", {"username": "ann"}),
        ("snapshot", {"username": "bob"}),
    ]


def test_decorations_are_renewed_when_their_time_has_come(host: Host) -> None:
    decorators = {
        "load": ["SELECT count(*) AS at_start FROM users"],
        "always": ["SELECT count(*) AS now FROM users", "nonsense"],
        "interval": {"120": ["SELECT count(*) AS lately FROM users"]},
    }
    query = {"query": "SELECT 1", "interval": 60, "snapshot": True}
    document = {"options": {"schedule_splay_percent": 0}, "decorators": decorators, "schedule": {"it": query}}
    seen = []
    for people in (2, 3, 4):
        host.machine.users = ["ann"] * people
        host.osqueryd.configure(json.dumps(document).encode())  # the same again is no new one
        (line,) = host.after()
        seen.append(line["decorations"])
    assert seen == [
        {"at_start": "2", "now": "2", "lately": "2"},
        {"at_start": "2", "now": "3", "lately": "2"},
        {"at_start": "2", "now": "4", "lately": "4"},
    ]


def test_a_query_waits_for_its_interval(host: Host) -> None:
    host.configure(interval=3600, snapshot=True)
    assert sum(len(host.after(60)) for _ in range(60)) == 1


def test_a_failing_query_is_logged_as_status(host: Host) -> None:
    host.configure(query="SELECT * FROM nope")
    (line,) = host.after()
    assert line["severity"] == 2
    assert line["message"] == f"Error executing scheduled query {PACK}: no such table: nope"
    assert set(line) >= {"hostIdentifier", "calendarTime", "unixTime", "filename", "line", "version", "decorations"}


def test_another_text_keeps_the_results_and_counts_anew(host: Host) -> None:
    host.configure()
    host.after()
    host.machine.users = ["ann", "bob", "eve"]
    assert changes(host.after()) == [("added", "eve", 1)]
    host.configure(query="SELECT username FROM users WHERE uid < 2")
    assert changes(host.after()) == [("removed", "eve", 0)]
    host.machine.users = ["bob", "ann"]
    assert host.after() == []
    host.machine.users = ["bob", "eve"]
    assert changes(host.after()) == [("removed", "ann", 1), ("added", "eve", 1)]


def test_a_line_too_long_to_be_sent_is_a_warning(host: Host) -> None:
    host.configure(query="SELECT hex(zeroblob(600000)) AS it", snapshot=True)
    (line,) = host.after()
    assert (line["severity"], PACK in line["message"]) == (1, True)


def test_a_query_that_stays_keeps_its_results(host: Host) -> None:
    host.configure()
    host.after()
    host.configure(options={"logger_tls_period": 60})
    assert host.after() == []


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ({"platform": "linux"}, True),
        ({"platform": "darwin,linux"}, True),
        ({"platform": "ubuntu"}, True),
        ({"platform": "posix"}, True),
        ({"platform": "all"}, True),
        ({"platform": "darwin"}, False),
        ({"platform": "windows"}, False),
        ({"version": "1.4.5"}, True),
        ({"version": "99.0.0"}, False),
        ({"shard": 100}, True),
        ({"interval": 0}, False),
        ({"interval": "60"}, True),
        ({"query": 7}, False),
    ],
)
def test_filters(host: Host, query: dict[str, Any], runs: bool) -> None:
    host.configure(options={"schedule_default_interval": 10**9}, snapshot=True, **query)
    assert bool(host.after()) is runs


@pytest.mark.parametrize(("interval", "scheduled"), [(7 * 24 * 3600, "1"), (7 * 24 * 3600 + 1, "0")])
def test_an_interval_is_a_week_at_most(host: Host, interval: int, scheduled: str) -> None:
    host.configure(interval=interval)
    assert host.osqueryd.run("SELECT count(*) AS n FROM osquery_schedule").rows == [{"n": scheduled}]


def test_a_shard_is_a_share_of_the_hosts() -> None:
    applied = 0
    for number in range(200):
        host = Host()
        host.machine.identifier = f"host-{number}"
        host.osqueryd = Osqueryd(host.machine, Engine(), Flags(), clock=host.clock)
        host.configure(pack={"shard": 30}, snapshot=True)
        applied += bool(host.after())
    assert 30 < applied < 90


@pytest.mark.parametrize(("discovery", "runs"), [("SELECT 1", True), ("SELECT 1 WHERE 0", False), ("nonsense", False)])
def test_a_pack_is_discovered(host: Host, discovery: str, runs: bool) -> None:
    host.configure(pack={"discovery": [discovery]}, snapshot=True)
    assert bool(host.after()) is runs


def test_what_discovery_found_is_remembered_for_a_while(host: Host) -> None:
    discovery = ["SELECT 1 FROM users WHERE username = 'ann'"]
    host.configure(options={"pack_refresh_interval": 300}, pack={"discovery": discovery}, snapshot=True)
    assert host.after()
    host.machine.users = ["bob"]
    assert host.after()
    assert not host.after(300)


@pytest.mark.parametrize(
    ("wanted", "platforms"),
    [
        ("posix", {"darwin", "linux"}),
        ("any", {"darwin", "linux", "windows"}),
        ("darwin,windows", {"darwin", "windows"}),
    ],
)
def test_platforms_are_osquerys(wanted: str, platforms: set[str]) -> None:
    known = ("darwin", "linux", "windows")
    assert {name for name in known if Applies(name, "5.0", "x").pack(Pack("it", platform=wanted))} == platforms


def test_hosts_do_not_all_run_a_query_in_the_same_second() -> None:
    turns, intervals = set(), set()
    for number in range(50):
        host = Host()
        host.machine.identifier = f"host-{number}"
        host.osqueryd = Osqueryd(host.machine, Engine(), Flags(), clock=host.clock)
        host.configure(options={"schedule_splay_percent": 0}, interval=3600)
        turns.add(host.osqueryd.next_scheduled())
        intervals.add(Applies("linux", "5.0", host.machine.identifier).splayed("it", 3600, 10))
    assert len(turns) > 40
    assert len(intervals) > 25
    assert 3240 <= min(intervals) < max(intervals) <= 3960
    assert Applies("linux", "5.0", "x").splayed("it", 3600, 0) == 3600


def test_the_figures_are_in_osquery_schedule(host: Host) -> None:
    host.configure()
    host.after()
    host.after()
    row = host.schedule()
    assert row["name"] == PACK
    assert row["interval"] == "60"
    assert row["executions"] == "2"
    assert row["last_executed"] == str(int(host.clock.now))
    assert row["denylisted"] == "0"
    assert int(row["output_size"]) > 0


@pytest.mark.parametrize(("denylist", "runs_again"), [(True, False), (False, True)])
def test_a_query_that_takes_too_long_is_denylisted(
    host: Host, denylist: bool, runs_again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.schema.sqlite.Limits.__init__.__defaults__", (0.05, 1000, 10**6))
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS c FROM n"
    host.configure(query=endless, denylist=denylist)
    assert "took longer" in host.after()[0]["message"]
    assert host.schedule()["denylisted"] == str(int(denylist))
    assert bool(host.after()) is runs_again
    assert host.after(24 * 3600)


def test_options_become_flags_and_bad_ones_are_left(host: Host) -> None:
    host.configure(options={"distributed_interval": 30, "logger_tls_period": "x", "config_refresh": -1, "pony": 1})
    host.configure(options={"schedule_epoch": "1" * 20, "config_plugin": "filesystem"})
    sql = "SELECT value FROM osquery_flags WHERE name = '{}'"
    assert host.osqueryd.run(sql.format("distributed_interval")).rows == [{"value": "30"}]
    assert host.osqueryd.run(sql.format("pack_delimiter")).rows == [{"value": "/"}]
    assert host.osqueryd.flags.number("logger_tls_period") == 10
    assert host.osqueryd.flags.number("config_refresh") == 60
    assert host.osqueryd.flags.number("schedule_epoch") == 0
    assert host.osqueryd.flags.text("config_plugin") == "tls"


def test_a_former_name_of_an_option_is_understood(host: Host) -> None:
    host.configure(options={"config_tls_refresh": 20})
    assert host.osqueryd.flags.number("config_refresh") == 20


def test_pinned_flags_stay(host: Host) -> None:
    flags = Flags({"distributed_interval": "3"}, pinned=["distributed_interval"])
    flags.obey({"distributed_interval": 30})
    assert flags.number("distributed_interval") == 3


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{"])
def test_a_configuration_that_is_none_is_refused_and_the_old_one_stays(host: Host, body: bytes) -> None:
    host.configure()
    with pytest.raises(BadConfiguration):
        host.osqueryd.configure(body)
    assert host.after()


def test_parts_of_the_wrong_type_are_left_out(host: Host) -> None:
    document = {"options": [], "decorators": 7, "packs": {"a": None, "b": {"queries": [1]}}, "schedule": "x"}
    host.osqueryd.configure(json.dumps(document).encode())
    assert host.after() == []


def test_the_schedule_without_packs_runs_under_its_own_names(host: Host) -> None:
    document = {"schedule": {"it": {"query": "SELECT username FROM users", "interval": 60, "snapshot": True}}}
    host.osqueryd.configure(json.dumps(document).encode())
    assert host.after(120)[0]["name"] == "it"
