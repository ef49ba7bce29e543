"""Tables about the system: its hardware, kernel, memory and load."""

import os
import platform
import resource
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

from fleet.schema import Constraint

from .registry import Row, command, lines, read, table

DMI = Path("/sys/class/dmi/id")
CMDLINE = Path("/proc/cmdline")
MEMINFO = Path("/proc/meminfo")
MEMORY = {
    "memory_total": "MemTotal", "memory_free": "MemFree", "memory_available": "MemAvailable",
    "buffers": "Buffers", "cached": "Cached", "swap_cached": "SwapCached", "active": "Active",
    "inactive": "Inactive", "swap_total": "SwapTotal", "swap_free": "SwapFree",
}  # fmt: skip
ULIMITS = {
    "core": "RLIMIT_CORE", "cpu": "RLIMIT_CPU", "data": "RLIMIT_DATA", "fsize": "RLIMIT_FSIZE",
    "memlock": "RLIMIT_MEMLOCK", "nofile": "RLIMIT_NOFILE", "nproc": "RLIMIT_NPROC", "stack": "RLIMIT_STACK",
}  # fmt: skip


def hardware_uuid() -> str:
    """What the firmware calls this computer; empty when it does not say."""
    if sys.platform == "darwin":
        for line in command("ioreg", "-rd1", "-c", "IOPlatformExpertDevice"):
            if "IOPlatformUUID" in line:
                return line.rpartition("= ")[2].strip('"')
        return ""
    return read(DMI / "product_uuid").upper()


@table("os_version")
def os_version(_: Sequence[Constraint]) -> Iterable[Row]:
    """The operating system."""
    said = _macos() if sys.platform == "darwin" else _linux()
    numbers = (said.pop("number").split(".") + ["0", "0", "0"])[:3]
    major, minor, patch = (int(part) if part.isdecimal() else 0 for part in numbers)
    yield {**said, "major": major, "minor": minor, "patch": patch, "arch": platform.machine(), "extra": ""}


def _macos() -> dict[str, str]:
    version = platform.mac_ver()[0]
    return {
        "name": "macOS", "version": version, "number": version, "platform": "darwin",
        "platform_like": "darwin", "codename": "", "build": "".join(command("sw_vers", "-buildVersion")),
    }  # fmt: skip


def _linux() -> dict[str, str]:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    number = release.get("VERSION_ID", "")
    said = {
        "name": release.get("NAME", "Unknown"), "version": release.get("VERSION", number), "number": number,
        "platform": release.get("ID", "posix"), "platform_like": release.get("ID_LIKE", release.get("ID", "")),
        "codename": release.get("VERSION_CODENAME", ""), "build": release.get("BUILD_ID", ""),
    }  # fmt: skip
    if Path("/etc/redhat-release").exists():  # to osqueryd, all its relatives are RHEL
        said |= {"platform": "rhel", "platform_like": "rhel"}
    return said


@table("system_info")
def system_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """The computer."""
    hostname = socket.gethostname()
    first = next(_processors(), {})
    sockets = {processor.get("physical id", "0") for processor in _processors()}
    yield {
        "hostname": hostname, "uuid": "", "cpu_type": platform.machine(),
        "cpu_subtype": first.get("model", ""),
        "cpu_brand": first.get("model name", "") or platform.processor(),
        "cpu_physical_cores": psutil.cpu_count(logical=False) or psutil.cpu_count() or 0,
        "cpu_logical_cores": psutil.cpu_count() or 0,
        "cpu_sockets": len(sockets) or 1, "cpu_microcode": first.get("microcode", ""),
        "physical_memory": psutil.virtual_memory().total,
        "hardware_vendor": read(DMI / "sys_vendor"), "hardware_model": read(DMI / "product_name"),
        "hardware_version": read(DMI / "product_version"), "hardware_serial": read(DMI / "product_serial"),
        "board_vendor": read(DMI / "board_vendor"), "board_model": read(DMI / "board_name"),
        "board_version": read(DMI / "board_version"), "board_serial": read(DMI / "board_serial"),
        "computer_name": hostname, "local_hostname": hostname.partition(".")[0],
    }  # fmt: skip


def _processors() -> Iterator[dict[str, str]]:
    """The blocks of /proc/cpuinfo."""
    for block in read("/proc/cpuinfo").split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        processor = {name.strip(): value.strip() for name, _, value in pairs}
        if "processor" in processor:
            yield processor


@table("platform_info")
def platform_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """The firmware."""
    yield {
        "vendor": read(DMI / "bios_vendor"), "version": read(DMI / "bios_version"),
        "date": read(DMI / "bios_date"), "revision": read(DMI / "bios_release"), "extra": "",
        "firmware_type": "uefi" if Path("/sys/firmware/efi").exists() else "bios",
        "address": "", "size": "", "volume_size": 0,
    }  # fmt: skip


@table("uptime")
def uptime(_: Sequence[Constraint]) -> Iterable[Row]:
    """How long the computer has been up."""
    total = int(time.time() - psutil.boot_time())
    days, rest = divmod(total, 24 * 3600)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    yield {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds, "total_seconds": total}


@table("kernel_info")
def kernel_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """The kernel and what it was started with."""
    words = read(CMDLINE).split()
    given = dict(word.split("=", 1) for word in words if "=" in word)
    yield {
        "version": platform.release(),
        "arguments": " ".join(word for word in words if not word.startswith(("BOOT_IMAGE=", "root="))),
        "path": given.get("BOOT_IMAGE", ""),
        "device": given.get("root", ""),
    }


@table("kernel_modules")
def kernel_modules(_: Sequence[Constraint]) -> Iterable[Row]:
    """The modules that are loaded."""
    for line in lines("/proc/modules"):
        name, size, _count, used_by, status, address = line.split()[:6]
        yield {
            "name": name, "size": int(size), "used_by": used_by, "status": status, "address": address,
        }  # fmt: skip


@table("cpu_info")
def cpu_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """One row for each socket."""
    found: dict[str, list[dict[str, str]]] = {}
    for processor in _processors():
        found.setdefault(processor.get("physical id", "0"), []).append(processor)
    frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    for number, (package, processors) in enumerate(sorted(found.items())):
        first = processors[0]
        yield {
            "device_id": f"CPU{number}", "model": first.get("model name", ""),
            "manufacturer": first.get("vendor_id", ""), "processor_type": "3", "cpu_status": 1,
            "number_of_cores": first.get("cpu cores", str(len(processors))),
            "logical_processors": len(processors),
            "address_width": "64" if sys.maxsize > 2**32 else "32",
            "current_clock_speed": int(float(first.get("cpu MHz", "0") or 0)),
            "max_clock_speed": int(frequency.max) if frequency else 0,
            "socket_designation": f"CPU {package}",
        }  # fmt: skip


@table("cpu_time")
def cpu_time(_: Sequence[Constraint]) -> Iterable[Row]:
    """What each core was busy with, in hundredths of a second."""
    for core, times in enumerate(psutil.cpu_times(percpu=True)):
        figures = {name: int(value * 100) for name, value in times._asdict().items()}
        yield {"core": core, **figures}


@table("memory_info")
def memory_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """Main memory and swap, in bytes."""
    kilobytes = {name: int(words.split()[0]) for name, _, words in (line.partition(":") for line in lines(MEMINFO))}
    if kilobytes:
        yield {column: kilobytes.get(name, 0) * 1024 for column, name in MEMORY.items()}


@table("load_average")
def load_average(_: Sequence[Constraint]) -> Iterable[Row]:
    """The load of the last 1, 5 and 15 minutes."""
    for period, average in zip(("1m", "5m", "15m"), os.getloadavg(), strict=True):
        yield {"period": period, "average": f"{average:f}"}


@table("system_controls")
def system_controls(_: Sequence[Constraint]) -> Iterable[Row]:
    """Everything below /proc/sys that may be read."""
    root = Path("/proc/sys")
    for folder, folders, names in os.walk(root):
        subsystem = folder.removeprefix(str(root)).strip("/").partition("/")[0]
        folders[:] = [name for name in folders if name != "binfmt_misc"]
        for name in names:
            path = Path(folder, name)
            yield {
                "name": path.relative_to(root).as_posix().replace("/", "."), "oid": "",
                "subsystem": subsystem, "current_value": read(path), "config_value": "", "type": "string",
            }  # fmt: skip


@table("ulimit_info")
def ulimit_info(_: Sequence[Constraint]) -> Iterable[Row]:
    """The limits of the agent's own process."""
    for name, constant in ULIMITS.items():
        soft, hard = resource.getrlimit(getattr(resource, constant))
        yield {"type": name, "soft_limit": _limit(soft), "hard_limit": _limit(hard)}


def _limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


@table("secureboot")
def secureboot(_: Sequence[Constraint]) -> Iterable[Row]:
    """Whether the firmware starts signed kernels only."""
    for variable in Path("/sys/firmware/efi/efivars").glob("SecureBoot-*"):
        yield {"secure_boot": variable.read_bytes()[-1], "setup_mode": 0}
