"""This computer answers with what the computer itself says."""

import getpass
import hashlib
import os
import platform
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest

from fleet.bundled_agent.engine import Engine
from fleet.bundled_agent.osqueryd import Osqueryd
from fleet.bundled_agent.state import State
from fleet.bundled_agent.this_computer import ThisComputer
from fleet.bundled_agent.this_computer.registry import GENERATORS, read
from fleet.schema import Failed, tables
from tests.bundled_agent.detail_queries import DETAIL_QUERIES

Rows = list[dict[str, str]]

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def computer() -> Osqueryd:
    return Osqueryd(ThisComputer(), Engine())


def test_at_least_forty_tables_are_filled() -> None:
    assert len(GENERATORS) >= 40
    assert set(GENERATORS) <= set(tables())


@pytest.mark.parametrize("name", sorted(GENERATORS))
def test_rows_have_columns_of_the_schema(computer: Osqueryd, name: str) -> None:
    known = {column.name for column in tables()[name].columns}
    for row in computer.machine.rows(name, ()):
        assert set(row) <= known


@pytest.mark.parametrize("name", sorted(DETAIL_QUERIES))
def test_detail_queries_run(computer: Osqueryd, name: str) -> None:
    computer.run(DETAIL_QUERIES[name])


def test_system_info(computer: Osqueryd) -> None:
    (row,) = computer.run(DETAIL_QUERIES["system_info"]).rows
    assert row["hostname"] == row["computer_name"] == socket.gethostname()
    assert row["physical_memory"] == str(psutil.virtual_memory().total)
    assert row["cpu_logical_cores"] == str(os.cpu_count())
    assert row["uuid"] == computer.machine.identifier


@linux
def test_os_version(computer: Osqueryd) -> None:
    (row,) = computer.run(DETAIL_QUERIES["os_version"]).rows
    release = platform.freedesktop_os_release()
    assert row["name"] == release["NAME"]
    assert row["platform"] == release["ID"]
    assert row["arch"] == platform.machine()
    assert row["major"] == release.get("VERSION_ID", "0").partition(".")[0]


def test_os_unix_like_joins_the_kernel(computer: Osqueryd) -> None:
    (row,) = computer.run(DETAIL_QUERIES["os_unix_like"]).rows
    assert row["kernel_version"] == platform.release()


def test_uptime_and_disk_space(computer: Osqueryd) -> None:
    (row,) = computer.run(DETAIL_QUERIES["uptime"]).rows
    assert abs(int(row["total_seconds"]) - (time.time() - psutil.boot_time())) < 5
    (space,) = computer.run(DETAIL_QUERIES["disk_space_unix"]).rows
    assert 0 <= float(space["percent_disk_space_available"]) <= 100
    assert float(space["gigs_disk_space_available"]) >= 0


def test_users_are_those_who_may_log_in(computer: Osqueryd) -> None:
    rows = computer.run(DETAIL_QUERIES["users"]).rows
    assert {"uid": str(os.getuid()), "username": getpass.getuser()}.items() <= next(
        row for row in rows if row["uid"] == str(os.getuid())
    ).items()
    assert not any(row["shell"].endswith("/nologin") for row in rows)


@linux
def test_the_primary_interface_has_a_private_address_or_there_is_none(computer: Osqueryd) -> None:
    addresses = {a.address for found in psutil.net_if_addrs().values() for a in found}
    for row in computer.run(DETAIL_QUERIES["network_interface_unix"]).rows:
        assert row["address"] in addresses
        assert len(row["mac"]) == 17


@linux
@pytest.mark.skipif(not Path("/var/lib/dpkg/status").exists(), reason="no dpkg")
def test_software_holds_the_distributions_packages_and_pythons(computer: Osqueryd) -> None:
    rows = computer.run(DETAIL_QUERIES["software_linux"]).rows
    sources = {row["source"] for row in rows}
    assert {"deb_packages", "python_packages"} <= sources
    assert any(row["name"] == "dpkg" and row["version"] for row in rows)


def test_this_process_is_among_the_processes(computer: Osqueryd) -> None:
    (row,) = computer.run(f"SELECT * FROM processes WHERE pid = {os.getpid()}").rows  # noqa: S608
    assert row["parent"] == str(os.getppid())
    assert row["uid"] == str(os.getuid())
    assert "python" in row["path"]


@linux
def test_a_listening_socket_is_found_with_its_process(computer: Osqueryd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sql = f"SELECT p.pid, l.protocol FROM listening_ports l JOIN processes p USING (pid) WHERE port = {port}"  # noqa: S608
        assert computer.run(sql).rows == [{"pid": str(os.getpid()), "protocol": "6"}]


def run_with(computer: Osqueryd, sql: str, path: Path) -> Rows:
    assert "'" not in str(path)
    return computer.run(sql.format(path)).rows


def test_file_by_path_folder_and_pattern(computer: Osqueryd, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "b.log").write_text("")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "c.txt").write_text("")
    (tmp_path / "link").symlink_to("a.txt")
    (row,) = run_with(computer, "SELECT * FROM file WHERE path = '{}/a.txt'", tmp_path)
    assert (row["size"], row["type"], row["filename"], row["directory"]) == ("5", "regular", "a.txt", str(tmp_path))
    rows = run_with(computer, "SELECT filename FROM file WHERE directory = '{}' ORDER BY 1", tmp_path)
    assert [row["filename"] for row in rows] == ["a.txt", "b.log", "deep", "link"]
    rows = run_with(computer, "SELECT filename FROM file WHERE path LIKE '{}/%.txt'", tmp_path)
    assert [row["filename"] for row in rows] == ["a.txt"]
    rows = run_with(computer, "SELECT filename FROM file WHERE path LIKE '{}/%%' ORDER BY 1", tmp_path)
    assert [row["filename"] for row in rows] == ["a.txt", "b.log", "c.txt", "deep", "er", "link"]
    rows = run_with(computer, "SELECT symlink FROM file WHERE path GLOB '{}/l*'", tmp_path)
    assert rows == [{"symlink": "1"}]
    assert run_with(computer, "SELECT * FROM file WHERE path = '{}/none'", tmp_path) == []


@pytest.mark.parametrize("pattern", ["/." * 1900 + "/%", "/" + "%a" * 40 + "%b"])
def test_patterns_meant_to_take_long_do_not(computer: Osqueryd, tmp_path: Path, pattern: str) -> None:
    (tmp_path / ("a" * 200)).write_text("")
    started = time.monotonic()
    assert run_with(computer, f"SELECT path FROM file WHERE path LIKE '{{}}{pattern}'", tmp_path) == []  # noqa: S608
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("pattern", ["%.txt", "{}/%.txt", "{}/%%"])
def test_a_file_that_two_constraints_name_comes_once(computer: Osqueryd, tmp_path: Path, pattern: str) -> None:
    (tmp_path / "a.txt").write_text("")
    sql = f"SELECT filename FROM file WHERE directory = '{{0}}' AND path LIKE '{pattern.replace('{}', '{0}')}'"  # noqa: S608
    assert run_with(computer, sql, tmp_path) == [{"filename": "a.txt"}]


def test_many_wildcards_find_what_they_should(computer: Osqueryd, tmp_path: Path) -> None:
    for name in ("abcabd", "xaxbx", "ab", "b"):
        (tmp_path / name).write_text("")
    rows = run_with(computer, "SELECT filename FROM file WHERE path LIKE '{}/%a%b%' ORDER BY 1", tmp_path)
    assert [row["filename"] for row in rows] == ["ab", "abcabd", "xaxbx"]
    rows = run_with(computer, "SELECT filename FROM file WHERE path LIKE '{}/a%d' ORDER BY 1", tmp_path)
    assert [row["filename"] for row in rows] == ["abcabd"]


def test_character_classes_and_line_ends_are_matched_too(computer: Osqueryd, tmp_path: Path) -> None:
    for name in ("apple", "pear", "new\nline"):
        (tmp_path / name).write_text("")
    rows = run_with(computer, "SELECT filename FROM file WHERE path GLOB '{}/[^b-z]*'", tmp_path)
    assert rows == [{"filename": "apple"}]
    rows = run_with(computer, "SELECT filename FROM file WHERE path LIKE '{}/new_line'", tmp_path)
    assert rows == [{"filename": "new\nline"}]


@pytest.mark.parametrize("where", ["path LIKE '{}/%/%/nope'", "path LIKE '{}/%%'", "directory = '{}/deep'"])
def test_a_search_that_would_have_no_end_fails(
    computer: Osqueryd, tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.bundled_agent.this_computer.files.LOOKED_AT_MAX", 5)
    for number in range(6):
        (tmp_path / "deep" / str(number)).mkdir(parents=True)
    with pytest.raises(Failed, match="more than 5 files"):
        run_with(computer, f"SELECT path FROM file WHERE {where}", tmp_path)  # noqa: S608


def test_a_folder_may_be_named_with_a_slash_at_its_end(computer: Osqueryd, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    sql = "SELECT f.path, md5 FROM file f JOIN hash h USING (directory) WHERE directory = '{}/'"
    assert run_with(computer, sql, tmp_path) == [
        {"path": str(tmp_path / "a"), "md5": hashlib.md5(b"content", usedforsecurity=False).hexdigest()}
    ]


def test_a_link_has_the_figures_of_what_it_leads_to(computer: Osqueryd, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello")
    (tmp_path / "a").chmod(0o640)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "broken").symlink_to("none")
    sql = "SELECT filename, symlink, type, size, mode, symlink_target_path AS target FROM file WHERE directory = '{}'"
    rows = {row.pop("filename"): row for row in run_with(computer, sql, tmp_path)}
    assert rows["a"] == {"symlink": "0", "type": "regular", "size": "5", "mode": "0640", "target": ""}
    assert rows["link"] == {**rows["a"], "symlink": "1", "target": str(tmp_path / "a")}
    assert (rows["broken"]["symlink"], rows["broken"]["type"]) == ("1", "symlink")


def test_names_that_are_not_unicode_do_not_fail_the_query(computer: Osqueryd, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff")).write_text("")
    (tmp_path / "good").write_text("")
    rows = run_with(computer, "SELECT filename FROM file WHERE directory = '{}' ORDER BY 1", tmp_path)
    assert rows == [{"filename": "bad?"}, {"filename": "good"}]


def test_what_never_ends_or_waits_is_not_hashed(computer: Osqueryd, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    assert len(run_with(computer, "SELECT * FROM hash WHERE directory = '{}'", tmp_path)) == 1
    assert computer.run("SELECT * FROM hash WHERE path IN ('/dev/zero', '/proc/kmsg')").rows == []


def test_files_too_large_are_not_hashed(computer: Osqueryd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.bundled_agent.this_computer.files.READ_MAX", 10)
    for size in (10, 11):
        (tmp_path / str(size)).write_bytes(b"x" * size)
    rows = run_with(computer, "SELECT path FROM hash WHERE directory = '{}'", tmp_path)
    assert rows == [{"path": str(tmp_path / "10")}]
    assert computer.run("SELECT * FROM hash WHERE path = '/proc/version'").rows == []  # said to be of size 0


def test_pipes_in_place_of_files_hold_up_no_query(computer: Osqueryd, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read(tmp_path / "pipe") == ""
    for place, name in ((tmp_path / "a-1.0.dist-info", "METADATA"), (tmp_path / "node_modules" / "a", "package.json")):
        place.mkdir(parents=True)
        os.mkfifo(place / name)
    good = tmp_path / "b-1.0.dist-info"
    good.mkdir()
    (good / "METADATA").write_text("Name: b\nVersion: 1.0\nSummary: first\n  second\n\nbody")
    sql = "SELECT name, version, summary FROM python_packages WHERE directory = '{}' AND name <> ''"
    assert run_with(computer, sql, tmp_path) == [{"name": "b", "version": "1.0", "summary": "first"}]
    assert run_with(computer, "SELECT name FROM npm_packages WHERE directory = '{}'", tmp_path) == []


@linux
def test_a_mount_that_is_no_device_keeps_its_name(computer: Osqueryd) -> None:
    rows = computer.run("SELECT device_alias FROM mounts WHERE device = 'proc'").rows
    assert {row["device_alias"] for row in rows} <= {"proc"}


def test_a_folder_that_only_root_may_look_into_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fleet.bundled_agent.this_computer import accounts

    (tmp_path / "crontab").write_text("1 2 3 4 5 it\n")

    def forbidden(path: Path) -> bool:
        if path.name == "crontabs":
            raise PermissionError("not yours")
        return False

    monkeypatch.setattr(Path, "is_dir", forbidden)
    monkeypatch.setattr(accounts, "SYSTEM_CRONTABS", (str(tmp_path / "crontabs"), str(tmp_path / "crontab")))
    monkeypatch.setattr(accounts, "USER_CRONTABS", ())
    assert [row["command"] for row in accounts.crontab(())] == ["it"]


def test_hash_joins_file(computer: Osqueryd, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "folder").mkdir()
    sql = "SELECT f.filename, h.sha256 FROM file f JOIN hash h USING (path) WHERE f.directory = '{}'"
    digest = hashlib.sha256(b"content").hexdigest()
    assert run_with(computer, sql, tmp_path) == [{"filename": "a", "sha256": digest}]


def test_a_table_that_needs_a_path_is_empty_without_one(computer: Osqueryd) -> None:
    assert computer.run("SELECT * FROM file").rows == []
    assert computer.run("SELECT * FROM hash").rows == []


def test_the_registry_lists_the_tables_of_this_platform(computer: Osqueryd) -> None:
    sql = "SELECT name FROM osquery_registry WHERE registry = 'table' AND active = true"
    names = {row["name"] for row in computer.run(sql).rows}
    assert "processes" in names
    assert not names & {"orbit_info", "programs"}


@linux
@pytest.mark.parametrize("said", ["", "Not Settable\n", "03000200-0400-0500-0006-000700080009\n"])
def test_hardware_without_a_uuid_gets_one_that_stays(
    tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "product_uuid").write_text(said)
    monkeypatch.setattr("fleet.bundled_agent.this_computer.system.DMI", tmp_path)
    path = tmp_path / "state.json"
    first = ThisComputer(State(path)).identifier
    assert first
    assert first.lower() != said.strip().lower()
    assert ThisComputer(State(path)).identifier == first


@linux
def test_hardware_with_a_uuid_is_named_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "product_uuid").write_text("4c4c4544-0051-3610-8052-b4c04f303233\n")
    monkeypatch.setattr("fleet.bundled_agent.this_computer.system.DMI", tmp_path)
    assert ThisComputer().identifier == "4C4C4544-0051-3610-8052-B4C04F303233"


def test_a_table_that_cannot_be_read_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> Rows:
        raise PermissionError("not yours")

    monkeypatch.setitem(GENERATORS, "sudoers", broken)
    assert Osqueryd(ThisComputer(), Engine()).run("SELECT * FROM sudoers").rows == []


def test_crontab_and_keys_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fleet.bundled_agent.this_computer import accounts

    table = tmp_path / "crontab"
    settings = "MAILTO=root\nARGUMENTS='a b c d e f'\n# comment\n"
    table.write_text(f"{settings}*/5 * * * * root  run this\n@reboot\troot that\n")
    monkeypatch.setattr(accounts, "SYSTEM_CRONTABS", (str(table),))
    monkeypatch.setattr(accounts, "USER_CRONTABS", ())
    first, second = accounts.crontab(())
    assert (first["minute"], first["command"]) == ("*/5", "root  run this")
    assert (second["event"], second["command"]) == ("reboot", "root that")
    line = 'command="a b",no-pty ssh-ed25519 AAAA ann@box'
    assert accounts._key(line) == ('command="a b",no-pty', "ssh-ed25519", "AAAA", "ann@box")
