"""Tables of simulated Linux hosts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleet.schema import Row

from . import unix
from .machine import Generate

if TYPE_CHECKING:
    from .host import SimulatedHost

GROUPS = {0: "root", 1: "daemon", 4: "adm", 27: "sudo", 33: "www-data", 100: "users", 1000: "staff"}
MAPPED = "/dev/dm-0"
UNITS = ("cron.service", "dbus.service", "rsyslog.service", "ssh.service", "systemd-journald.service")


def users(host: SimulatedHost) -> Iterable[Row]:
    """The system's accounts and one person's."""
    yield unix.account(0, 0, "root", "root", "/root", "/bin/bash")
    yield unix.account(1, 1, "daemon", "daemon", "/usr/sbin", "/usr/sbin/nologin")
    yield unix.account(33, 33, "www-data", "www-data", "/var/www", "/usr/sbin/nologin")
    if host.template.is_server:
        yield unix.account(1000, 1000, "deploy", "Deployment", "/home/deploy", "/bin/bash")
    else:
        yield unix.person(host, gid=1000, home="/home", shell="/bin/bash")


def groups(_host: SimulatedHost) -> Iterable[Row]:
    """The system's."""
    return unix.groups(GROUPS)


def user_groups(_host: SimulatedHost) -> Iterable[Row]:
    """The person may use sudo."""
    return [{"uid": uid, "gid": gid} for uid, gid in ((0, 0), (1, 1), (33, 33), (1000, 1000), (1000, 27))]


def _device(host: SimulatedHost) -> str:
    return MAPPED if host.identity.encrypted and not host.template.is_server else "/dev/sda1"


def mounts(host: SimulatedHost) -> Iterable[Row]:
    """The root file system."""
    yield unix.mount(host, _device(host), "/", "xfs" if host.template.packages == "rpm" else "ext4")


def disk_encryption(host: SimulatedHost) -> Iterable[Row]:
    """LUKS, on laptops."""
    device = _device(host)
    encrypted = device == MAPPED
    yield {
        "name": device, "uuid": "", "encrypted": int(encrypted), "type": "LUKS" if encrypted else "",
        "encryption_status": "encrypted" if encrypted else "not encrypted",
    }  # fmt: skip


def block_devices(host: SimulatedHost) -> Iterable[Row]:
    """One disk with one partition, and the volume that it holds where it is encrypted."""
    sectors = host.identity.model.disk_gb * 10**9 // 512
    yield {"name": "/dev/sda", "parent": "", "size": sectors, "block_size": 512, "type": "", "label": ""}
    part: Row = {"name": "/dev/sda1", "parent": "/dev/sda", "size": sectors - 4096, "block_size": 512}
    if _device(host) == MAPPED:
        yield {**part, "type": "crypto_LUKS"}
        yield {"name": MAPPED, "parent": "/dev/sda1", "size": sectors - 36_864, "block_size": 512}
    else:
        yield part


def systemd_units(_host: SimulatedHost) -> Iterable[Row]:
    """Services that run."""
    for name in UNITS:
        yield {
            "id": name, "description": name, "load_state": "loaded", "active_state": "active",
            "sub_state": "running", "unit_file_state": "enabled",
        }  # fmt: skip


def load_average(host: SimulatedHost) -> Iterable[Row]:
    """Different on each host."""
    chance = host.chance("load")
    for period in ("1m", "5m", "15m"):
        yield {"period": period, "average": f"{chance.random() * 2:f}"}


def crontab(_host: SimulatedHost) -> Iterable[Row]:
    """What distributions ship."""
    yield {
        "event": "", "minute": "17", "hour": "*", "day_of_month": "*", "month": "*", "day_of_week": "*",
        "command": "root cd / && run-parts --report /etc/cron.hourly", "path": "/etc/crontab",
    }  # fmt: skip


TABLES: dict[str, Generate] = {
    "block_devices": block_devices, "crontab": crontab, "disk_encryption": disk_encryption,
    "groups": groups, "load_average": load_average, "mounts": mounts, "systemd_units": systemd_units,
    "user_groups": user_groups, "users": users,
}  # fmt: skip
