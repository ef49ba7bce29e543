"""Tables of simulated Windows hosts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fleet.schema import Row

from .machine import Generate, person_uid

if TYPE_CHECKING:
    from .host import SimulatedHost

GROUPS = {544: "Administrators", 545: "Users", 546: "Guests"}
ENROLLMENTS = "HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Enrollments"
CURRENT_VERSION = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
DISCOVERY_URL = "https://enrollment.manage.microsoft.com/enrollmentserver/discovery.svc"
UPDATES = {
    "windows-11": ((5041585, 1723564800), (5040442, 1720540800), (5039212, 1718121600)),
    "windows-10": ((5041580, 1723564800), (5040427, 1720540800), (5039211, 1718121600)),
}
SERVICES = ("EventLog", "Dnscache", "WinDefend", "Spooler", "W32Time", "BITS", "LanmanServer")


def users(host: SimulatedHost) -> Iterable[Row]:
    """The system's accounts and the person's."""
    for uid, name, kind in (
        (18, "SYSTEM", "special"),
        (500, "Administrator", "local"),
        (person_uid(host), host.identity.user, "local"),
    ):
        yield {
            "uid": uid, "gid": 544, "uid_signed": uid, "gid_signed": 544, "username": name,
            "description": "", "directory": f"C:\\Users\\{name}",
            "shell": "C:\\Windows\\system32\\cmd.exe", "uuid": f"S-1-5-21-1004336348-{uid}", "type": kind,
        }  # fmt: skip


def groups(_host: SimulatedHost) -> Iterable[Row]:
    """The built-in ones."""
    for gid, name in GROUPS.items():
        yield {"gid": gid, "gid_signed": gid, "groupname": name, "group_sid": f"S-1-5-32-{gid}"}


def user_groups(host: SimulatedHost) -> Iterable[Row]:
    """The person is an administrator."""
    return [{"uid": uid, "gid": 544} for uid in (500, person_uid(host))]


def logical_drives(host: SimulatedHost) -> Iterable[Row]:
    """Drive C."""
    size = host.identity.model.disk_gb * 10**9
    yield {
        "device_id": "C:", "type": "Unknown", "description": "Local Fixed Disk", "file_system": "NTFS",
        "free_space": size * host.identity.free_percent // 100, "size": size, "boot_partition": 1,
    }  # fmt: skip


def disk_info(host: SimulatedHost) -> Iterable[Row]:
    """One disk."""
    yield {
        "partitions": 3, "disk_index": 0, "type": "SCSI", "id": "\\\\.\\PHYSICALDRIVE0", "pnp_device_id": "",
        "disk_size": host.identity.model.disk_gb * 10**9, "manufacturer": "(Standard disk drives)",
        "hardware_model": "NVMe SAMSUNG MZVL2512", "name": "\\\\.\\PHYSICALDRIVE0",
        "serial": f"S6{host.identity.serial}", "description": "Disk drive",
    }  # fmt: skip


def bitlocker_info(host: SimulatedHost) -> Iterable[Row]:
    """Drive C, encrypted or not."""
    on = int(host.identity.encrypted)
    yield {
        "device_id": "\\\\?\\Volume{8d9c1c4e}\\", "drive_letter": "C:", "persistent_volume_id": "",
        "conversion_status": on, "protection_status": on, "encryption_method": "XTS-AES 128" if on else "None",
        "version": 2, "percentage_encrypted": 100 * on, "lock_status": 0,
    }  # fmt: skip


def _value(path: str, name: str, kind: str, data: str) -> Row:
    return {"key": path, "path": f"{path}\\{name}", "name": name, "type": kind, "data": data, "mtime": 0}


def registry(host: SimulatedHost) -> Iterable[Row]:
    """The kind of installation, and the enrollment in MDM."""
    yield _value(CURRENT_VERSION, "InstallationType", "REG_SZ", "Client")
    if host.identity.managed:
        enrollment = f"{ENROLLMENTS}\\{host.identity.uuid}"
        yield _value(enrollment, "ProviderID", "REG_SZ", "MS DM Server")
        yield _value(enrollment, "DiscoveryServiceFullURL", "REG_SZ", DISCOVERY_URL)
        yield _value(enrollment, "IsFederated", "REG_DWORD", "1")


def windows_update_history(host: SimulatedHost) -> Iterable[Row]:
    """The updates of three months; the newest is missing where the host is not patched."""
    for number, when in UPDATES[host.template.key][0 if host.identity.patched else 1 :]:
        yield {
            "client_app_id": "UpdateOrchestrator", "date": when, "operation": "Installation",
            "result_code": "Succeeded", "title": f"Cumulative Update for x64-based Systems (KB{number})",
        }  # fmt: skip


def patches(host: SimulatedHost) -> Iterable[Row]:
    """The same updates as hotfixes."""
    for number, _when in UPDATES[host.template.key][0 if host.identity.patched else 1 :]:
        yield {
            "csname": host.identity.hostname, "hotfix_id": f"KB{number}", "description": "Security Update",
            "installed_by": "NT AUTHORITY\\SYSTEM", "installed_on": "8/14/2024",
        }  # fmt: skip


def services(_host: SimulatedHost) -> Iterable[Row]:
    """A few that always run."""
    for position, name in enumerate(SERVICES):
        yield {
            "name": name, "service_type": "SHARE_PROCESS", "display_name": name, "status": "RUNNING",
            "pid": 800 + position * 4, "start_type": "AUTO_START", "user_account": "LocalSystem",
        }  # fmt: skip


def windows_security_center(host: SimulatedHost) -> Iterable[Row]:
    """Good where the host is managed."""
    health = "Good" if host.identity.managed else "Poor"
    yield {
        "firewall": health, "autoupdate": "Good", "antivirus": health, "antispyware": "Good",
        "internet_settings": "Good", "windows_security_center_service": "Good", "user_account_control": "Good",
    }  # fmt: skip


def tpm_info(_host: SimulatedHost) -> Iterable[Row]:
    """A TPM 2.0."""
    yield {"activated": 1, "enabled": 1, "owned": 1, "manufacturer_name": "INTC", "spec_version": "2.0, 0, 1.38"}


TABLES: dict[str, Generate] = {
    "bitlocker_info": bitlocker_info, "disk_info": disk_info, "groups": groups,
    "logical_drives": logical_drives, "patches": patches, "registry": registry, "services": services,
    "tpm_info": tpm_info, "user_groups": user_groups, "users": users,
    "windows_security_center": windows_security_center, "windows_update_history": windows_update_history,
}  # fmt: skip
