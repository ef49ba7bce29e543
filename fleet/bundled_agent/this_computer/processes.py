"""Tables about processes: what runs, what it has open, whom it talks to."""

import os
import socket
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import psutil

from fleet.schema import Constraint

from .registry import Row, read, table, wanted

STATES = {
    psutil.STATUS_RUNNING: "R", psutil.STATUS_SLEEPING: "S", psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T", psutil.STATUS_TRACING_STOP: "t", psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_DEAD: "X", psutil.STATUS_IDLE: "I", psutil.STATUS_PARKED: "P",
}  # fmt: skip
PROTOCOLS = {socket.SOCK_STREAM: 6, socket.SOCK_DGRAM: 17}
UNSPECIFIED: dict[int, str] = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}  # of a peer that is not there
ATTRIBUTES = [
    "pid", "name", "exe", "cmdline", "status", "cwd", "uids", "gids", "memory_info", "cpu_times",
    "create_time", "ppid", "num_threads", "nice",
]  # fmt: skip


@table("processes")
def processes(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """Running processes."""
    for process in psutil.process_iter(ATTRIBUTES, ad_value=None):
        yield _row(process.info)


def _row(info: dict[str, object]) -> Row:
    pid = info["pid"]
    assert isinstance(pid, int)
    uids, gids = _ids(info.get("uids")), _ids(info.get("gids"))
    path = str(info.get("exe") or "")
    memory, times = info.get("memory_info"), info.get("cpu_times")
    cmdline, created = info.get("cmdline"), info.get("create_time")
    read_bytes, written_bytes = _disk_bytes(pid)
    return {
        "pid": pid, "name": str(info.get("name") or ""), "path": path,
        "cmdline": " ".join(cmdline) if isinstance(cmdline, list) else "",
        "state": STATES.get(str(info.get("status")), "?"), "cwd": str(info.get("cwd") or ""),
        "root": _root(pid),
        "uid": uids[0], "euid": uids[1], "suid": uids[2], "gid": gids[0], "egid": gids[1], "sgid": gids[2],
        "on_disk": int(os.path.exists(path)) if path else -1,
        "wired_size": 0, "resident_size": getattr(memory, "rss", 0), "total_size": getattr(memory, "vms", 0),
        "user_time": int(getattr(times, "user", 0) * 1000),
        "system_time": int(getattr(times, "system", 0) * 1000),
        "disk_bytes_read": read_bytes, "disk_bytes_written": written_bytes,
        "start_time": int(created) if isinstance(created, float) else -1,
        "parent": _integer(info.get("ppid")), "pgroup": _group(pid),
        "threads": _integer(info.get("num_threads")), "nice": _integer(info.get("nice")),
        "cgroup_path": _cgroup_path(read(f"/proc/{pid}/cgroup")),
    }  # fmt: skip


def _cgroup_path(text: str) -> str:
    """The path of 0::/a/b, the last line; it may hold colons itself."""
    return text.rpartition("\n")[2].split(":", 2)[-1]


def _integer(value: object) -> int:
    return value if isinstance(value, int) else -1


def _ids(value: object) -> tuple[int, int, int]:
    """Real, effective and saved."""
    if not isinstance(value, tuple):
        return (-1, -1, -1)
    real, effective, saved = value
    return (int(real), int(effective), int(saved))


def _disk_bytes(pid: int) -> tuple[int, int]:
    figures = dict(line.split(": ", 1) for line in read(f"/proc/{pid}/io").splitlines() if ": " in line)
    return int(figures.get("read_bytes", 0)), int(figures.get("write_bytes", 0))


def _root(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/root")
    except OSError:
        return ""


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


@table("process_open_files", constrained=True)
def process_open_files(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """Files that processes have open, of one process if the query names it."""
    named = wanted(constraints, "pid")
    for pid in map(int, filter(str.isdecimal, named)) if named else psutil.pids():
        for fd, target in _descriptors(pid):
            if target.startswith("/"):
                yield {"pid": pid, "fd": fd, "path": target}


def _descriptors(pid: int) -> list[tuple[int, str]]:
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            found.append((int(name), os.readlink(f"/proc/{pid}/fd/{name}")))
    except OSError:
        pass
    return found


@table("process_open_sockets")
def process_open_sockets(_: Sequence[Constraint]) -> Iterable[Row]:
    """Sockets of all processes."""
    inodes = lru_cache(maxsize=None)(_inodes)
    for connection in psutil.net_connections("all"):
        pid = connection.pid or -1
        local = _address(connection.laddr, connection.family)
        remote = _address(connection.raddr, connection.family)
        unix = connection.family == socket.AF_UNIX
        yield {
            "pid": pid, "fd": connection.fd, "socket": inodes(pid).get(connection.fd, 0),
            "family": int(connection.family), "protocol": 0 if unix else PROTOCOLS.get(connection.type, 0),
            "local_address": local[0], "local_port": local[1],
            "remote_address": remote[0], "remote_port": remote[1],
            "path": str(connection.laddr) if unix else "",
            "state": "" if connection.status == psutil.CONN_NONE else connection.status,
            "net_namespace": _namespace(pid),
        }  # fmt: skip


def _address(address: object, family: int) -> tuple[str, int]:
    if isinstance(address, tuple) and len(address) >= 2:
        return str(address[0]), int(address[1])
    return UNSPECIFIED.get(family, ""), 0


def _inodes(pid: int) -> dict[int, int]:
    return {
        fd: int(target.removeprefix("socket:[").rstrip("]"))
        for fd, target in _descriptors(pid)
        if target.startswith("socket:[")
    }


def _namespace(pid: int) -> str:
    try:
        return os.readlink(Path("/proc", str(pid), "ns", "net")).removeprefix("net:[").rstrip("]")
    except OSError:
        return "0"


@table("listening_ports")
def listening_ports(_: Sequence[Constraint]) -> Iterable[Row]:
    """Sockets that wait for somebody."""
    for row in process_open_sockets(()):
        unix = row["family"] == socket.AF_UNIX and row["path"]  # nobody else can find one without a name
        if row["state"] == psutil.CONN_LISTEN or (row["protocol"] == 17 and not row["remote_port"]) or unix:
            yield {
                "pid": row["pid"], "port": row["local_port"], "protocol": row["protocol"],
                "family": row["family"], "address": row["local_address"], "fd": row["fd"],
                "socket": row["socket"], "path": row["path"], "net_namespace": row["net_namespace"],
            }  # fmt: skip
