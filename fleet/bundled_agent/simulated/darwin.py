"""Tables of simulated Macs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleet.schema import Row

from . import unix
from .machine import Generate

if TYPE_CHECKING:
    from .host import SimulatedHost

GROUPS = {0: "wheel", 1: "daemon", 20: "staff", 80: "admin", 89: "_spotlight"}
MDM_SERVER = "https://mdm.example.com/mdm/apple/mdm"
MUNKI_VERSION = "6.3.3.4580"


def users(host: SimulatedHost) -> Iterable[Row]:
    """The system's accounts and the person's."""
    yield unix.account(0, 0, "root", "System Administrator", "/var/root", "/bin/sh")
    yield unix.account(1, 1, "daemon", "System Services", "/var/root", "/usr/bin/false")
    yield unix.account(89, 89, "_spotlight", "Spotlight", "/var/empty", "/usr/bin/false")
    yield {**unix.person(host, gid=20, home="/Users", shell="/bin/zsh"), "uuid": host.identity.uuid}


def groups(_host: SimulatedHost) -> Iterable[Row]:
    """The system's."""
    return unix.groups(GROUPS)


def user_groups(_host: SimulatedHost) -> Iterable[Row]:
    """The person is an administrator."""
    return [{"uid": uid, "gid": gid} for uid, gid in ((0, 0), (1, 1), (501, 20), (501, 80))]


def mounts(host: SimulatedHost) -> Iterable[Row]:
    """The sealed system and the data beside it."""
    yield unix.mount(host, "/dev/disk3s1s1", "/", "apfs")
    yield unix.mount(host, "/dev/disk3s5", "/System/Volumes/Data", "apfs")


def disk_encryption(host: SimulatedHost) -> Iterable[Row]:
    """FileVault."""
    on = host.identity.encrypted
    yield {
        "name": "/dev/disk3s1s1", "uuid": host.identity.uuid, "encrypted": int(on),
        "type": "APFS Encryption" if on else "", "encryption_status": "encrypted" if on else "not encrypted",
        "uid": "501" if on else "", "user_uuid": host.identity.uuid if on else "",
        "filevault_status": "on" if on else "off",
    }  # fmt: skip


def mdm(host: SimulatedHost) -> Iterable[Row]:
    """Enrolled automatically, or not at all."""
    on = host.identity.managed
    yield {
        "enrolled": str(on).lower(), "server_url": MDM_SERVER if on else "",
        "checkin_url": MDM_SERVER if on else "", "installed_from_dep": str(on).lower(),
        "payload_identifier": "com.example.mdm" if on else "", "user_approved": str(on).lower(),
        "dep_capable": str(on).lower(),
    }  # fmt: skip


def macos_profiles(host: SimulatedHost) -> Iterable[Row]:
    """What the MDM server installed."""
    if host.identity.managed:
        yield {
            "display_name": "Example MDM", "identifier": "com.example.mdm", "type": "Configuration",
            "install_date": "2024-06-12 09:14:03 +0000", "organization": "Example",
        }  # fmt: skip


def munki_info(host: SimulatedHost) -> Iterable[Row]:
    """Some Macs run Munki, and some of those are not happy."""
    chance = host.chance("munki")
    if chance.random() < 0.4:
        unhappy = chance.random() < 0.2
        yield {
            "version": MUNKI_VERSION, "success": str(not unhappy).lower(),
            "errors": "Could not retrieve managed install primary manifest." if unhappy else "",
            "warnings": "", "console_user": host.identity.user, "manifest_name": "site_default",
        }  # fmt: skip


def sip_config(_host: SimulatedHost) -> Iterable[Row]:
    """On."""
    yield {"config_flag": "sip", "enabled": 1, "enabled_nvram": 1}


def gatekeeper(_host: SimulatedHost) -> Iterable[Row]:
    """On."""
    yield {"assessments_enabled": 1, "dev_id_enabled": 1, "version": "8.0", "opaque_version": "94"}


def alf(host: SimulatedHost) -> Iterable[Row]:
    """The firewall is on where the Mac is managed."""
    yield {
        "allow_signed_enabled": 1, "firewall_unload": 0, "global_state": int(host.identity.managed),
        "logging_enabled": 0, "logging_option": 0, "stealth_enabled": 0, "version": "1.6",
    }  # fmt: skip


def screenlock(host: SimulatedHost) -> Iterable[Row]:
    """Locks at once where the Mac is managed."""
    yield {"enabled": 1, "grace_period": 0 if host.identity.managed else 300}


TABLES: dict[str, Generate] = {
    "alf": alf, "disk_encryption": disk_encryption, "gatekeeper": gatekeeper, "groups": groups,
    "macos_profiles": macos_profiles, "mdm": mdm, "mounts": mounts, "munki_info": munki_info,
    "screenlock": screenlock, "sip_config": sip_config, "user_groups": user_groups, "users": users,
}  # fmt: skip
