"""Tables that every simulated host has, whatever its operating system."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fleet.schema import Row

if TYPE_CHECKING:
    from .host import SimulatedHost

Generate = Callable[["SimulatedHost"], Iterable[Row]]

GIB = 1024**3
ORBIT_VERSIONS = ("1.17.0", "1.18.3")
ANY = "0.0.0.0"
PORTS = {
    "linux": (("sshd", 22, ANY), ("systemd-resolve", 53, "127.0.0.53")),
    "darwin": (("ControlCenter", 5000, ANY), ("rapportd", 49152, ANY)),
    "windows": (("svchost.exe", 135, ANY), ("System", 445, ANY)),
}
PROCESSES = {
    "linux": ("systemd", "systemd-journald", "systemd-udevd", "dbus-daemon", "cron", "sshd", "rsyslogd", "agetty",
              "systemd-resolve"),
    "darwin": ("launchd", "logd", "UserEventAgent", "WindowServer", "mds", "Finder", "Dock", "Google Chrome",
               "ControlCenter", "rapportd"),
    "windows": ("System", "smss.exe", "csrss.exe", "services.exe", "lsass.exe", "svchost.exe", "explorer.exe"),
}  # fmt: skip
FIRST_PIDS = {"linux": 1, "darwin": 1, "windows": 4}
SYSTEM_UIDS = {"linux": 0, "darwin": 0, "windows": 18}
PERSON_UIDS = {"linux": 1000, "darwin": 501, "windows": 1001, "chrome": 0}


def person_uid(host: SimulatedHost) -> int:
    """The uid of the person's account."""
    return PERSON_UIDS[host.platform]


def interface(host: SimulatedHost) -> str:
    """The interface with the default route."""
    return {"darwin": "en0", "windows": "12"}.get(host.platform, "eth0")


def loopback(host: SimulatedHost) -> str:
    """The interface to itself."""
    return {"darwin": "lo0", "windows": "1"}.get(host.platform, "lo")


def os_version(host: SimulatedHost) -> Iterable[Row]:
    """The template's."""
    return [host.template.os_version]


def kernel_info(host: SimulatedHost) -> Iterable[Row]:
    """The template's."""
    return [{"version": host.template.kernel, "arguments": "", "path": "", "device": ""}]


def system_info(host: SimulatedHost) -> Iterable[Row]:
    """The hardware."""
    who, model = host.identity, host.identity.model
    yield {
        "hostname": who.hostname, "uuid": who.uuid, "cpu_type": host.template.cpu_type, "cpu_subtype": "",
        "cpu_brand": model.cpu, "cpu_physical_cores": model.cores, "cpu_logical_cores": model.cores,
        "cpu_sockets": 1, "cpu_microcode": "", "physical_memory": model.memory_gib * GIB,
        "hardware_vendor": model.vendor, "hardware_model": model.name, "hardware_version": "1.0",
        "hardware_serial": who.serial, "board_vendor": model.vendor, "board_model": model.name,
        "board_version": "", "board_serial": who.serial, "computer_name": who.computer_name,
        "local_hostname": who.hostname.partition(".")[0],
    }  # fmt: skip


def platform_info(host: SimulatedHost) -> Iterable[Row]:
    """The firmware."""
    yield {
        "vendor": host.identity.model.vendor, "version": "1.24.0", "date": "03/14/2024", "revision": "1.24",
        "extra": "", "firmware_type": "uefi", "address": "", "size": "", "volume_size": 0,
    }  # fmt: skip


def uptime(host: SimulatedHost) -> Iterable[Row]:
    """Since the last restart."""
    total = int(time.time()) - host.booted_at
    yield {
        "days": total // 86400, "hours": total // 3600 % 24, "minutes": total // 60 % 60,
        "seconds": total % 60, "total_seconds": total,
    }  # fmt: skip


def memory_info(host: SimulatedHost) -> Iterable[Row]:
    """Memory, a third of it free."""
    total = host.identity.model.memory_gib * GIB
    yield {
        "memory_total": total, "memory_free": total // 3, "memory_available": total // 2,
        "buffers": total // 50, "cached": total // 8, "swap_cached": 0, "active": total // 3,
        "inactive": total // 6, "swap_total": 2 * GIB, "swap_free": 2 * GIB,
    }  # fmt: skip


def cpu_info(host: SimulatedHost) -> Iterable[Row]:
    """One processor."""
    model = host.identity.model
    yield {
        "device_id": "CPU0", "model": model.cpu, "manufacturer": model.cpu.split()[0], "processor_type": "3",
        "cpu_status": 1, "number_of_cores": str(model.cores), "logical_processors": model.cores,
        "address_width": "64", "current_clock_speed": 2400, "max_clock_speed": 3600,
        "socket_designation": "CPU 0",
    }  # fmt: skip


def interface_addresses(host: SimulatedHost) -> Iterable[Row]:
    """The address in the office network, and the loopback's."""
    windows = host.platform == "windows"
    for name, address, mask in (
        (loopback(host), "127.0.0.1", "255.0.0.0"),
        (interface(host), host.identity.address, "255.255.255.0"),
    ):
        yield {
            "interface": name, "address": address, "mask": mask, "broadcast": "", "point_to_point": "",
            "type": "dhcp", "friendly_name": "Ethernet" if windows else None,
        }  # fmt: skip


def interface_details(host: SimulatedHost) -> Iterable[Row]:
    """The network card, and the loopback."""
    for name, mac, kind, flags in (
        (loopback(host), "00:00:00:00:00:00", 24, 73),
        (interface(host), host.identity.mac, 6, 4163),
    ):
        yield {
            "interface": name, "mac": mac, "type": kind, "mtu": 1500, "metric": 0, "flags": flags,
            "link_speed": 1000, "last_change": -1,
        }  # fmt: skip


def routes(host: SimulatedHost) -> Iterable[Row]:
    """The default route and the office network. Windows names the interface by its address."""
    windows = host.platform == "windows"
    name = host.identity.address if windows else interface(host)
    network = host.identity.address.rpartition(".")[0] + ".0"
    for destination, netmask, gateway, kind in (
        ("0.0.0.0", 0, host.identity.gateway, "remote" if windows else "gateway"),
        (network, 24, "", "local"),
    ):
        yield {
            "destination": destination, "netmask": netmask, "gateway": gateway, "source": "", "flags": 3,
            "interface": name, "mtu": 1500, "metric": 25, "type": kind, "hopcount": 0,
        }  # fmt: skip


def etc_hosts(host: SimulatedHost) -> Iterable[Row]:
    """The loopback and the host itself."""
    yield {"address": "127.0.0.1", "hostnames": "localhost"}
    yield {"address": "127.0.1.1", "hostnames": host.identity.hostname}


def dns_resolvers(host: SimulatedHost) -> Iterable[Row]:
    """The office's nameserver."""
    yield {"id": 0, "type": "nameserver", "address": host.identity.gateway, "netmask": "", "options": 0}


def processes(host: SimulatedHost) -> Iterable[Row]:
    """A few that always run."""
    chance, first = host.chance("processes"), FIRST_PIDS[host.platform]
    uid = SYSTEM_UIDS[host.platform]
    for position, name in enumerate(PROCESSES[host.platform]):
        resident = chance.randrange(2, 300) * 1024 * 1024
        yield {
            "pid": 100 + position * 37 if position else first, "name": name, "path": _path(host, name),
            "cmdline": _path(host, name), "state": "S", "cwd": "/", "root": "/", "uid": uid, "gid": 0,
            "euid": uid, "egid": 0, "on_disk": 1, "resident_size": resident, "total_size": resident * 3,
            "user_time": chance.randrange(10**6), "system_time": chance.randrange(10**5),
            "start_time": host.booted_at + position, "parent": first if position else 0, "pgroup": first,
            "threads": chance.randrange(1, 40), "nice": 0,
        }  # fmt: skip


def _path(host: SimulatedHost, name: str) -> str:
    return f"C:\\Windows\\System32\\{name}" if host.platform == "windows" else f"/usr/sbin/{name}"


def listening_ports(host: SimulatedHost) -> Iterable[Row]:
    """What the system itself listens on."""
    pids = {str(row["name"]): row["pid"] for row in processes(host)}
    for name, port, address in PORTS[host.platform]:
        yield {
            "pid": pids[name], "port": port, "protocol": 6, "family": 2, "address": address, "fd": 3,
            "socket": 20_000 + port, "path": "",
        }  # fmt: skip


def logged_in_users(host: SimulatedHost) -> Iterable[Row]:
    """The person, where there is one."""
    if not host.template.is_server:
        started = host.booted_at + 60
        yield {"type": "user", "user": host.identity.user, "tty": "console", "host": "", "time": started, "pid": 0}


def orbit_info(host: SimulatedHost) -> Iterable[Row]:
    """The version of fleetd."""
    yield {
        "version": ORBIT_VERSIONS[host.identity.patched], "enrolled": "true", "last_recorded_error": "",
        "orbit_channel": "stable", "osqueryd_channel": "stable", "desktop_channel": "stable",
        "uptime": int(time.time()) - host.booted_at,
    }  # fmt: skip


def google_chrome_profiles(host: SimulatedHost) -> Iterable[Row]:
    """The account of the person."""
    if not host.template.is_server:
        yield {"username": host.identity.user, "email": host.identity.email, "ephemeral": 0}


def network_interfaces(host: SimulatedHost) -> Iterable[Row]:
    """What a Chromebook's extension sees."""
    yield {"mac": host.identity.mac, "ipv4": host.identity.address, "ipv6": ""}


def users(host: SimulatedHost) -> Iterable[Row]:
    """On a Chromebook the account that is signed in."""
    yield {"uid": 0, "username": host.identity.full_name, "email": host.identity.email}


def battery(host: SimulatedHost) -> Iterable[Row]:
    """Of laptops."""
    if host.identity.model.laptop and host.platform in ("darwin", "windows"):
        chance = host.chance("battery")
        cycles = chance.randrange(5, 900)
        yield {
            "manufacturer": "SMP", "model": "bq40z651", "serial_number": f"BAT{host.identity.serial}",
            "cycle_count": cycles, "state": "AC Power", "charging": 0, "charged": 1,
            "designed_capacity": 6068, "max_capacity": 6068 - cycles * 2, "percent_remaining": 100,
            "health": "Good" if cycles < 700 else "Fair", "condition": "Normal",
        }  # fmt: skip


TABLES: dict[str, Generate] = {
    "battery": battery, "cpu_info": cpu_info, "dns_resolvers": dns_resolvers, "etc_hosts": etc_hosts,
    "google_chrome_profiles": google_chrome_profiles, "interface_addresses": interface_addresses,
    "interface_details": interface_details, "kernel_info": kernel_info, "listening_ports": listening_ports,
    "logged_in_users": logged_in_users, "memory_info": memory_info,
    "network_interfaces": network_interfaces, "orbit_info": orbit_info, "os_version": os_version,
    "platform_info": platform_info, "processes": processes, "routes": routes, "system_info": system_info,
    "uptime": uptime, "users": users,
}  # fmt: skip
