"""Tables of a Linux computer, judged by what the kernel itself says."""

import fcntl
import grp
import ipaddress
import json
import os
import pwd
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.bundled_agent.engine import Engine
from fleet.bundled_agent.osqueryd import Osqueryd
from fleet.bundled_agent.this_computer import ThisComputer, accounts, network, packages, processes, storage, system

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and /sys")

GET_FLAGS = 0x8913  # SIOCGIFFLAGS
UP, BROADCAST, LOOPBACK, RUNNING = 0x1, 0x2, 0x8, 0x40


@pytest.fixture
def computer() -> Osqueryd:
    return Osqueryd(ThisComputer(), Engine())


def block_device(folder: Path, name: str, *, mapped: str = "", made_of: tuple[str, ...] = ()) -> None:
    (folder / name / "slaves").mkdir(parents=True)
    if mapped:
        (folder / name / "dm").mkdir()
        (folder / name / "dm" / "uuid").write_text(f"{mapped}\n")
        (folder / name / "dm" / "name").write_text("luks-root\n")
    for other in made_of:
        (folder / name / "slaves" / other).symlink_to(folder / other)


def test_what_lies_on_an_encrypted_volume_is_encrypted(
    computer: Osqueryd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block_device(tmp_path, "sda3")
    block_device(tmp_path, "dm-0", mapped="CRYPT-LUKS2-0b1c-luks-root", made_of=("sda3",))
    block_device(tmp_path, "dm-1", mapped="LVM-PTy7", made_of=("dm-0",))
    block_device(tmp_path, "dm-2", mapped="LVM-Ab9c", made_of=("sda3",))
    monkeypatch.setattr(storage, "BLOCK", tmp_path)
    rows = computer.run("SELECT name, encrypted, type, encryption_status AS it FROM disk_encryption ORDER BY 1").rows
    plain, encrypted = {"type": "", "encrypted": "0"}, {"type": "LUKS2", "encrypted": "1"}
    assert rows == [
        {"name": "/dev/dm-0", "it": "encrypted", **encrypted},
        {"name": "/dev/dm-1", "it": "encrypted", **encrypted},
        {"name": "/dev/dm-2", "it": "not encrypted", **plain},
        {"name": "/dev/sda3", "it": "not encrypted", **plain},
    ]


def test_a_mount_that_only_its_owner_may_ask_is_listed_without_figures(
    computer: Osqueryd, monkeypatch: pytest.MonkeyPatch
) -> None:
    statvfs = os.statvfs

    def forbidden(path: str) -> os.statvfs_result:
        if path == "/proc":
            raise PermissionError("not yours")
        return statvfs(path)

    monkeypatch.setattr(os, "statvfs", forbidden)
    rows = computer.run("SELECT path, blocks, flags FROM mounts WHERE path IN ('/', '/proc')").rows
    assert {row["path"]: row["blocks"].isdecimal() for row in rows} == {"/": True, "/proc": False}
    assert all(row["flags"] for row in rows)


def test_addresses_are_without_the_interface(computer: Osqueryd) -> None:
    for row in computer.run("SELECT address FROM interface_addresses").rows:
        assert "%" not in row["address"]
        ipaddress.ip_address(row["address"])


def test_interfaces_have_the_kernels_flags(computer: Osqueryd) -> None:
    rows = computer.run("SELECT interface, flags FROM interface_details").rows
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for row in rows:
            answer = fcntl.ioctl(asking, GET_FLAGS, struct.pack("256s", row["interface"].encode()))
            (flags,) = struct.unpack_from("H", answer, 16)
            for flag in (UP, BROADCAST, LOOPBACK, RUNNING):
                assert int(row["flags"]) & flag == flags & flag, row["interface"]
    assert {"lo"} <= {row["interface"] for row in rows}


ROUTES = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth0 00000000 010200C0 0003 0 0 100 00000000 0 0 0
eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0
wg0 0500000A 00000000 0005 0 0 0 FFFFFFFF 1420 0 0
* 0000000A 00000000 0201 0 0 0 000000FF 0 0 0
"""
NONE = "0" * 32
ROUTES6 = f"""fd{"0" * 30} 40 {NONE} 00 {NONE} 00000100 00000001 00000000 00000001 eth0
{NONE} 00 {NONE} 00 fe80{"0" * 27}1 00000400 00000003 00000000 00000003 eth0
fd{"0" * 29}2 80 {NONE} 00 {NONE} 00000000 00000003 00000000 80200001 eth0
fd{"0" * 30} 80 {NONE} 00 {NONE} 00000000 00000003 00000000 00300001 eth0
ff{"0" * 30} 08 {NONE} 00 {NONE} 00000100 00000003 00000000 00000001 eth0
{NONE} 00 {NONE} 00 {NONE} ffffffff 00000001 00000000 00200200 lo
"""


def test_routes_are_of_osquerys_types(computer: Osqueryd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "ipv6_route").write_text(ROUTES6)
    monkeypatch.setattr(network, "PROC", tmp_path)
    rows = computer.run("SELECT destination || '/' || netmask AS it, type, gateway FROM routes").rows
    assert [(row["it"], row["type"], row["gateway"]) for row in rows] == [
        ("0.0.0.0/0", "gateway", "192.0.2.1"),
        ("192.0.2.0/24", "gateway", ""),
        ("10.0.0.5/32", "gateway", ""),
        ("10.0.0.0/8", "other", ""),
        ("fd00::/64", "gateway", ""),
        ("::/0", "gateway", "fe80::1"),
        ("fd00::2/128", "local", ""),
        ("fd00::/128", "anycast", ""),
        ("ff00::/8", "other", ""),
    ]


def test_memory_is_the_kernels(computer: Osqueryd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemFree: 8 kB\nCached: 3 kB\nSReclaimable: 2 kB\nHugePages: 0\n")
    monkeypatch.setattr(system, "MEMINFO", tmp_path / "meminfo")
    (row,) = computer.run("SELECT memory_total, memory_free, cached, swap_free FROM memory_info").rows
    assert row == {"memory_total": "9216", "memory_free": "8192", "cached": "3072", "swap_free": "0"}


def test_the_kernels_arguments_are_without_image_and_device(
    computer: Osqueryd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cmdline").write_text("BOOT_IMAGE=/boot/vmlinuz root=/dev/mapper/a ro quiet a=b\n")
    monkeypatch.setattr(system, "CMDLINE", tmp_path / "cmdline")
    (row,) = computer.run("SELECT path, device, arguments FROM kernel_info").rows
    assert row == {"path": "/boot/vmlinuz", "device": "/dev/mapper/a", "arguments": "ro quiet a=b"}


def test_a_socket_without_a_peer_says_so_as_the_kernel_does(computer: Osqueryd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        sql = f"SELECT remote_address, remote_port, state FROM process_open_sockets WHERE local_port = {port}"  # noqa: S608
        assert computer.run(sql).rows == [{"remote_address": "0.0.0.0", "remote_port": "0", "state": "LISTEN"}]
    assert processes._address((), socket.AF_INET6) == ("::", 0)
    assert processes._address("", socket.AF_UNIX) == ("", 0)


def test_a_control_group_may_have_colons_in_its_name() -> None:
    text = "1:name=systemd:/\n0::/user.slice/app-dbus\\x2d:1.2.slice/it"
    assert processes._cgroup_path(text) == "/user.slice/app-dbus\\x2d:1.2.slice/it"
    assert processes._cgroup_path("") == ""


def test_members_are_those_of_the_primary_group_and_of_the_others(computer: Osqueryd) -> None:
    sql = (
        "SELECT username, groupname FROM user_groups JOIN users USING (uid) JOIN groups ON groups.gid = user_groups.gid"
    )
    names, primary = {user.pw_name for user in pwd.getpwall()}, {user.pw_name: user.pw_gid for user in pwd.getpwall()}
    expected = {
        (name, group.gr_name)
        for group in grp.getgrall()
        for name in names
        if name in group.gr_mem or primary[name] == group.gr_gid
    }
    assert {(row["username"], row["groupname"]) for row in computer.run(sql).rows} == expected


def test_nobody_of_macos_has_a_negative_number_too() -> None:
    assert [accounts._signed(number) for number in (0, 65534, 2**32 - 2)] == [0, 65534, -2]


def test_sockets_are_found_with_descriptor_and_inode(computer: Osqueryd) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as talking,
    ):
        waiting.bind(("127.0.0.1", 0))
        talking.connect(waiting.getsockname())
        row = {"protocol": "17", "fd": str(waiting.fileno()), "socket": str(os.fstat(waiting.fileno()).st_ino)}
        sql = f"SELECT protocol, fd, socket FROM {{}} WHERE pid = {os.getpid()} AND protocol = 17"  # noqa: S608
        assert row in computer.run(sql.format("process_open_sockets")).rows
        listening = computer.run(sql.format("listening_ports")).rows
        assert row in listening
        assert str(talking.fileno()) not in {found["fd"] for found in listening}


def test_open_files_are_those_with_a_path(computer: Osqueryd, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    try:
        with (tmp_path / "open").open("w") as file:
            sql = f"SELECT fd, path FROM process_open_files WHERE pid = {os.getpid()}"  # noqa: S608
            rows = computer.run(sql).rows
            assert {"fd": str(file.fileno()), "path": str(tmp_path / "open")} in rows
            assert not {str(read_end), str(write_end)} & {row["fd"] for row in rows}
    finally:
        os.close(read_end)
        os.close(write_end)


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="no dpkg")
def test_packages_are_those_of_dpkg(computer: Osqueryd) -> None:
    form = "${Package} ${Version} ${Installed-Size} ${Architecture} ${Status}\\n"
    asked = subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True)
    rows = computer.run("SELECT name, version, size, arch, status, revision FROM deb_packages").rows
    assert {" ".join(list(row.values())[:5]) for row in rows} == set(asked.stdout.splitlines())
    assert all(row["version"].endswith(f"-{row['revision']}") for row in rows if row["revision"])
    assert all(row["revision"] for row in rows if "-" in row["version"])


def test_repositories_are_read_from_both_formats(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_text(
        "# deb http://no\ndeb-src http://no x\n"
        "deb [arch=amd64 signed-by=/k] http://a/debian bookworm main contrib # it\n"
    )
    (tmp_path / "a.sources").write_text(
        "# it\nTypes: deb\nURIs: http://a/debian http://b\nSuites: bookworm\nComponents: main\n\nTypes: deb\n"
    )
    assert list(packages._one_line(tmp_path / "a.list")) == [("http://a/debian", "bookworm", "main contrib", "amd64")]
    assert list(packages._deb822(tmp_path / "a.sources")) == [
        ("http://a/debian", "bookworm", "main", ""),
        ("http://b", "bookworm", "main", ""),
    ]


def test_neighbours_are_permanent_or_not(computer: Osqueryd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (
        "IP HW Flags MAC Mask Device",
        "192.0.2.1 0x1 0x2 02:00:00:00:00:05 * eth0",
        "192.0.2.9 0x1 0x6 02:01 * eth0",
    )
    (tmp_path / "arp").write_text("\n".join(lines))
    monkeypatch.setattr(network, "PROC", tmp_path)
    rows = computer.run("SELECT address, mac, interface, permanent FROM arp_cache").rows
    assert [tuple(row.values()) for row in rows] == [
        ("192.0.2.1", "02:00:00:00:00:05", "eth0", "0"),
        ("192.0.2.9", "02:01", "eth0", "1"),
    ]


def test_node_packages_are_those_with_a_name(computer: Osqueryd, tmp_path: Path) -> None:
    written = {
        "plain": {"name": "plain", "version": "1.0", "author": {"name": "Ann"}, "license": {"type": "MIT"}},
        "@scope/it": {"name": "@scope/it", "version": 7, "author": "Bob"},
        "nameless": {"version": "1.0"},
        "list": [],
    }
    for name, document in written.items():
        folder = tmp_path / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps(document))
    sql = f"SELECT name, version, author, license FROM npm_packages WHERE directory = '{tmp_path}'"  # noqa: S608
    assert [tuple(row.values()) for row in computer.run(sql).rows] == [
        ("@scope/it", "", "Bob", ""),
        ("plain", "1.0", "Ann", "MIT"),
    ]
