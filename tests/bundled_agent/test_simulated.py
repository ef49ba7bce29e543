"""Simulated hosts are always the same, differ from each other, and answer anything."""

from collections import Counter

import pytest

from fleet.bundled_agent.engine import Engine
from fleet.bundled_agent.osqueryd import Osqueryd
from fleet.bundled_agent.simulated import SimulatedHost, darwin, linux, machine, population, windows
from fleet.bundled_agent.simulated.software import KINDS
from fleet.schema import tables
from tests.bundled_agent.detail_queries import DETAIL_QUERIES

MADE = sorted({*machine.TABLES, *darwin.TABLES, *linux.TABLES, *windows.TABLES, *KINDS})


@pytest.fixture(scope="module")
def hundred() -> list[Osqueryd]:
    engine = Engine()
    return [Osqueryd(host, engine) for host in population("test", 100)]


def simulated(host: Osqueryd) -> SimulatedHost:
    assert isinstance(host.machine, SimulatedHost)
    return host.machine


def of_platform(hosts: list[Osqueryd], platform: str) -> list[Osqueryd]:
    return [host for host in hosts if host.platform == platform]


def everything(host: SimulatedHost) -> dict[str, list[object]]:
    volatile = {"uptime", "orbit_info", "processes", "logged_in_users"}
    return {table: list(host.rows(table, ())) for table in MADE if table not in volatile}


def test_the_same_seed_gives_the_same_hosts() -> None:
    for first, second in zip(population("one", 40), population("one", 40), strict=True):
        assert first.identity == second.identity
        assert everything(first) == everything(second)


def test_a_larger_fleet_begins_with_the_smaller() -> None:
    small = [host.identifier for host in population("one", 10)]
    assert [host.identifier for host in population("one", 50)][:10] == small


def test_another_seed_gives_other_hosts() -> None:
    ones, twos = ({host.identifier for host in population(seed, 50)} for seed in ("one", "two"))
    assert not ones & twos


def test_no_two_hosts_share_what_must_be_their_own() -> None:
    hosts = [host.identity for host in population("test", 2000)]
    for attribute in ("uuid", "hostname", "computer_name", "address", "mac"):
        assert len({getattr(host, attribute) for host in hosts}) == len(hosts), attribute


def test_every_kind_of_computer_is_there(hundred: list[Osqueryd]) -> None:
    names = Counter(host.run("SELECT name FROM os_version").rows[0]["name"] for host in hundred)
    assert names["macOS"] == 30
    penguins = {
        "Ubuntu",
        "Debian GNU/Linux",
        "Red Hat Enterprise Linux",
        "CentOS Stream",
        "Rocky Linux",
        "Amazon Linux",
    }
    others = {"Chrome OS", "Microsoft Windows 11 Enterprise", "Microsoft Windows 10 Pro"}
    assert penguins | others <= set(names)


def test_twenty_hosts_have_all_platforms_but_the_rarest() -> None:
    assert {host.platform for host in population("demo", 20)} >= {"darwin", "windows", "linux"}


@pytest.mark.parametrize("table", MADE)
def test_rows_have_columns_of_the_schema(hundred: list[Osqueryd], table: str) -> None:
    known = {column.name for column in tables()[table].columns}
    for host in hundred:
        for row in host.machine.rows(table, ()):
            assert set(row) <= known


def test_a_table_of_other_platforms_is_empty(hundred: list[Osqueryd]) -> None:
    for host in hundred:
        for table in MADE:
            if host.platform not in tables()[table].platforms:
                assert list(host.machine.rows(table, ())) == [], (host.platform, table)
                assert host.machine.scope(table) is not None


NOBODY = {
    "listeners": "SELECT port FROM listening_ports LEFT JOIN processes p USING (pid) WHERE p.pid IS NULL",
    "processes": "SELECT name FROM processes LEFT JOIN users u USING (uid) WHERE u.uid IS NULL",
    "parents": "SELECT c.name FROM processes c LEFT JOIN processes p ON p.pid = c.parent "
    "WHERE c.parent AND p.pid IS NULL",
    "sessions": "SELECT user FROM logged_in_users LEFT JOIN users u ON u.username = user WHERE u.uid IS NULL",
    "extensions": "SELECT name FROM chrome_extensions LEFT JOIN users u USING (uid) WHERE u.uid IS NULL",
    "accounts": "SELECT username FROM users LEFT JOIN groups g USING (gid) "
    "WHERE users.gid IS NOT NULL AND g.gid IS NULL",
    "members": "SELECT u.uid FROM user_groups u LEFT JOIN users a USING (uid) WHERE a.uid IS NULL",
    "addresses": "SELECT address FROM interface_addresses LEFT JOIN interface_details d USING (interface) "
    "WHERE d.interface IS NULL",
    "memory": "SELECT 1 FROM memory_info, system_info WHERE memory_total <> physical_memory",
    "recovery": "SELECT d.uid FROM disk_encryption d LEFT JOIN users u ON u.uuid = d.user_uuid "
    "WHERE d.user_uuid <> '' AND u.uid IS NULL",
}


@pytest.mark.parametrize("relation", sorted(NOBODY))
def test_tables_of_a_host_agree(hundred: list[Osqueryd], relation: str) -> None:
    for host in hundred:
        assert host.run(NOBODY[relation]).rows == [], host.platform


def test_mounted_disks_are_among_the_devices(hundred: list[Osqueryd]) -> None:
    sql = """SELECT b.name, e.encrypted, p.type FROM mounts m JOIN block_devices b ON b.name = m.device_alias
             JOIN disk_encryption e USING (name) JOIN block_devices p ON p.name = b.parent WHERE m.path = '/'"""
    rows = [tuple(row.values()) for host in of_platform(hundred, "linux") for row in host.run(sql).rows]
    assert len(rows) == len(of_platform(hundred, "linux"))
    assert set(rows) == {("/dev/dm-0", "1", "crypto_LUKS"), ("/dev/sda1", "0", "")}


def test_what_people_ask_for_is_true_of_some_hosts_and_not_of_others(hundred: list[Osqueryd]) -> None:
    for sql in (
        "SELECT 1 FROM uptime WHERE days > 30",
        "SELECT 1 FROM apps WHERE name = 'Firefox.app' AND version_compare(bundle_short_version, '129.0') < 0",
        "SELECT 1 FROM user_groups JOIN groups USING (gid) WHERE groupname = 'sudo'",
        "SELECT 1 FROM listening_ports WHERE address = '0.0.0.0' AND port = 22",
        "SELECT 1 FROM bitlocker_info WHERE protection_status = 0",
        "SELECT 1 FROM disk_encryption WHERE encrypted = 0",
    ):
        assert 0 < sum(bool(host.run(sql).rows) for host in hundred) < len(hundred), sql


@pytest.mark.parametrize("name", sorted(DETAIL_QUERIES))
def test_every_host_runs_the_detail_queries(hundred: list[Osqueryd], name: str) -> None:
    for host in hundred[:40]:
        host.run(DETAIL_QUERIES[name])


def test_every_host_has_one_private_primary_address(hundred: list[Osqueryd]) -> None:
    names = {"windows": "network_interface_windows", "chrome": "network_interface_chrome"}
    for host in hundred:
        rows = host.run(DETAIL_QUERIES[names.get(host.platform, "network_interface_unix")]).rows
        identity = simulated(host).identity
        assert rows == [{"address": identity.address, "mac": identity.mac}]


def test_hardware_fits_the_details_told_at_enrollment(hundred: list[Osqueryd]) -> None:
    for host in hundred:
        (row,) = host.run("SELECT * FROM system_info").rows
        assert row["uuid"] == host.machine.identifier
        assert int(row["physical_memory"]) % 1024**3 == 0


def test_software_belongs_to_the_platform(hundred: list[Osqueryd]) -> None:
    counts = {"darwin": "apps", "windows": "programs"}
    for platform, table in counts.items():
        for host in of_platform(hundred, platform):
            assert int(host.run(f"SELECT count(*) AS n FROM {table}").rows[0]["n"]) >= 12  # noqa: S608
    for host in of_platform(hundred, "linux"):
        assert len(host.run(DETAIL_QUERIES["software_linux"]).rows) > 50
        assert host.run("SELECT * FROM apps").rows == []


def test_some_hosts_have_what_others_have_not(hundred: list[Osqueryd]) -> None:
    for platform, sql in (
        ("darwin", "SELECT 1 FROM apps WHERE name = 'Firefox.app'"),
        ("windows", "SELECT 1 FROM programs WHERE name LIKE 'Mozilla Firefox%'"),
        ("linux", "SELECT 1 FROM python_packages WHERE name = 'urllib3'"),
    ):
        hosts = of_platform(hundred, platform)
        assert 0 < sum(bool(host.run(sql).rows) for host in hosts) < len(hosts), platform


def test_packages_are_built_for_the_distribution(hundred: list[Osqueryd]) -> None:
    for host in of_platform(hundred, "linux"):
        releases = {row["release"] for row in host.run("SELECT release FROM rpm_packages").rows}
        amazon = simulated(host).template.key == "amazon-2023"
        assert any("amzn2023" in release for release in releases) is amazon
        assert any(".el9" in release for release in releases) is (bool(releases) and not amazon)


def test_some_macs_are_managed_and_encrypted_and_some_are_not(hundred: list[Osqueryd]) -> None:
    macs = of_platform([Osqueryd(host, Engine()) for host in population("test", 200)], "darwin")
    assert {mac.run("SELECT enrolled FROM mdm").rows[0]["enrolled"] for mac in macs} == {"true", "false"}
    sql = "SELECT filevault_status AS it FROM disk_encryption"
    assert {mac.run(sql).rows[0]["it"] for mac in macs} == {"on", "off"}


def test_windows_hosts_say_who_manages_them(hundred: list[Osqueryd]) -> None:
    rows = [host.run(DETAIL_QUERIES["mdm_windows"]).rows for host in of_platform(hundred, "windows")]
    assert [{"key": "provider_id", "value": "MS DM Server"}] in rows


def test_joins_over_filled_and_empty_tables_run(hundred: list[Osqueryd]) -> None:
    sql = "SELECT count(*) AS n FROM users u JOIN user_groups g USING (uid) LEFT JOIN shell_history h USING (uid)"
    for host in hundred:
        assert len(host.run(sql).rows) == 1


def test_shared_answers_are_each_templates_own(hundred: list[Osqueryd]) -> None:
    for _ in range(2):
        for host in hundred:
            (row,) = host.run("SELECT name, version FROM os_version").rows
            assert row["version"] == simulated(host).template.os_version["version"]


def test_what_an_agent_says_of_itself_is_its_own(hundred: list[Osqueryd]) -> None:
    for sql in ("SELECT uuid FROM osquery_info", "SELECT i.uuid FROM osquery_info i, osquery_flags LIMIT 1"):
        for host in hundred[:20]:
            assert host.run(sql).rows == [{"uuid": host.machine.identifier}]


def test_answers_are_shared_within_bounds(hundred: list[Osqueryd], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.bundled_agent.engine.SHARED_ANSWERS_MAX", 3)
    engine = Engine()
    for number in range(5):
        engine.run(f"SELECT {number} AS it FROM os_version", hundred[0])  # noqa: S608
    assert len(engine._answers) == 3
    monkeypatch.setattr("fleet.bundled_agent.engine.SHARED_ROWS_MAX", 1)
    engine = Engine()
    assert len(engine.run("SELECT name FROM os_version UNION SELECT 'another'", hundred[0]).rows) == 2
    assert len(engine._answers) == 0


def test_answers_that_depend_on_the_moment_are_not_shared(hundred: list[Osqueryd]) -> None:
    first, second = hundred[0], hundred[0]
    sql = "SELECT random() AS it FROM os_version"
    assert first.run(sql).rows != second.run(sql).rows
