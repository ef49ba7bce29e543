"""Tables about disks: mounts, block devices, encryption."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from fleet.schema import Constraint

from .registry import Row, number, read, table

BLOCK = Path("/sys/class/block")
SECTOR = 512


@table("mounts")
def mounts(_: Sequence[Constraint]) -> Iterable[Row]:
    """Mounted file systems and the room that is left on them."""
    for partition in psutil.disk_partitions(all=True):
        yield {
            "device": partition.device, "device_alias": _real(partition.device),
            "path": partition.mountpoint, "type": partition.fstype, "flags": partition.opts,
            **_room(partition.mountpoint),
        }  # fmt: skip


def _room(path: str) -> Row:
    """What fits on a file system; nothing where only its owner may ask."""
    try:
        room = os.statvfs(path)
    except OSError:
        return {}
    return {
        "blocks_size": room.f_frsize or room.f_bsize, "blocks": room.f_blocks, "blocks_free": room.f_bfree,
        "blocks_available": room.f_bavail, "inodes": room.f_files, "inodes_free": room.f_ffree,
    }  # fmt: skip


def _real(device: str) -> str:
    """The device that a link such as /dev/mapper/root stands for; proc and tmpfs are no paths."""
    return os.path.realpath(device) if device.startswith("/") else device


def _devices() -> Iterable[Path]:
    return sorted(BLOCK.iterdir()) if BLOCK.is_dir() else ()


@table("block_devices")
def block_devices(_: Sequence[Constraint]) -> Iterable[Row]:
    """Disks and their partitions."""
    for device in _devices():
        whole = device.resolve().parent if (device / "partition").exists() else None
        disk = (whole or device) / "device"
        yield {
            "name": f"/dev/{device.name}", "parent": f"/dev/{whole.name}" if whole else "",
            "vendor": read(disk / "vendor"), "model": read(disk / "model"), "serial": read(disk / "serial"),
            "size": number(read(device / "size")) or 0,
            "block_size": number(read((whole or device) / "queue" / "logical_block_size")) or SECTOR,
            "uuid": "", "type": "", "label": "",
        }  # fmt: skip


@table("disk_encryption")
def disk_encryption(_: Sequence[Constraint]) -> Iterable[Row]:
    """Which block devices are encrypted, under the names that mounts has as device_alias."""
    for device in _devices():
        kind = _encryption(device)
        yield {
            "name": f"/dev/{device.name}", "uuid": "", "encrypted": int(bool(kind)), "type": kind,
            "encryption_status": "encrypted" if kind else "not encrypted",
        }  # fmt: skip


def _encryption(device: Path) -> str:
    """LUKS2 and the like, of the device itself or of one that it is made of; empty for none."""
    # Device mapper writes CRYPT-LUKS2-<uuid>-<name>, or LVM-<uuid> for a volume on top of it.
    maker, _, rest = read(device / "dm" / "uuid").partition("-")
    if maker == "CRYPT":
        return rest.partition("-")[0]
    return next(filter(None, map(_encryption, device.glob("slaves/*"))), "")


@table("disk_info")
def disk_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """Whole disks; loops and what device mapper makes are none."""
    disks = [device for device in _devices() if (device / "device").exists()]
    for index, device in enumerate(disks):
        parts = [child for child in device.resolve().iterdir() if (child / "partition").exists()]
        yield {
            "partitions": len(parts), "disk_index": index, "type": "", "id": device.name,
            "pnp_device_id": "", "disk_size": (number(read(device / "size")) or 0) * SECTOR,
            "manufacturer": read(device / "device" / "vendor"),
            "hardware_model": read(device / "device" / "model"), "name": f"/dev/{device.name}",
            "serial": read(device / "device" / "serial"), "description": "Disk drive",
        }  # fmt: skip
