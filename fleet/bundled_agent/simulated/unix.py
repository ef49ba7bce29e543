"""Tables that simulated Linux hosts and Macs have alike: accounts and mounted disks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleet.schema import Row

from .machine import person_uid

if TYPE_CHECKING:
    from .host import SimulatedHost

BLOCK = 4096


def account(uid: int, gid: int, name: str, description: str, directory: str, shell: str) -> Row:
    """A row of users."""
    return {
        "uid": uid, "gid": gid, "uid_signed": uid, "gid_signed": gid, "username": name,
        "description": description, "directory": directory, "shell": shell, "uuid": "", "type": "",
    }  # fmt: skip


def person(host: SimulatedHost, *, gid: int, home: str, shell: str) -> Row:
    """The account of whoever works here."""
    who = host.identity
    return account(person_uid(host), gid, who.user, who.full_name, f"{home}/{who.user}", shell)


def mount(host: SimulatedHost, device: str, path: str, kind: str) -> Row:
    """A row of mounts for the system's disk."""
    blocks = host.identity.model.disk_gb * 10**9 // BLOCK
    free = blocks * host.identity.free_percent // 100
    return {
        "device": device, "device_alias": device, "path": path, "type": kind, "blocks_size": BLOCK,
        "blocks": blocks, "blocks_free": free, "blocks_available": free, "inodes": blocks // 4,
        "inodes_free": free // 4, "flags": "rw,relatime",
    }  # fmt: skip


def groups(names: dict[int, str]) -> Iterable[Row]:
    """Rows of groups."""
    for gid, name in names.items():
        yield {"gid": gid, "gid_signed": gid, "groupname": name}
