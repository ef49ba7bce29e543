"""What becomes of the rows in which a host tells of itself."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from fleet.hosts import ingest
from fleet.hosts.models import HostDisk
from tests import factories


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ({"name": "Ubuntu", "version": "22.04.3 LTS (Jammy Jellyfish)", "major": "22"}, "Ubuntu 22.04.3 LTS"),
        ({"name": "KUBUNTU", "version": "(x) 1 (y)"}, "KUBUNTU 1"),
        ({"name": "Chrome OS", "version": "128.0.1", "major": "128"}, "Chrome OS 128.0.1"),
        ({"name": "macOS", "version": "x", "major": "14", "minor": "2", "patch": "1", "build": "b"}, "macOS 14.2.1"),
        ({"name": "Debian", "major": "12", "minor": "1", "patch": "", "build": "b"}, "Debian 12.1"),
        ({"name": "Arch", "major": "0", "minor": "0", "patch": "0", "build": "rolling"}, "Arch rolling"),
        ({"name": "Odd", "major": "0", "minor": "0", "patch": "1", "build": "b"}, "Odd 0.0.1"),
        ({"name": "Plain", "build": "b"}, "Plain "),
        ({"name": "x" * 300, "major": "1"}, "x" * 255),
    ],
)
def test_an_operating_system_is_shown_by_name_and_version(row: dict[str, str], shown: str) -> None:
    assert ingest.os_version([row], "")["os_version"] == shown


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"platform": "", "name": "CentOS Linux"}, {"platform": "centos", "os_version": "CentOS Linux "}),
        ({"platform": "rhel", "name": "CentOS Linux"}, {"platform": "rhel", "os_version": "CentOS Linux "}),
        ({"platform": "", "name": "Fedora"}, {"platform": "", "os_version": "Fedora "}),
        ({"platform": "windows", "name": "Microsoft Windows 11"}, {"platform": "windows"}),
        ({"codename": "jammy", "build": "", "platform_like": "debian"},
         {"code_name": "jammy", "build": "", "platform_like": "debian"}),
        ({}, {}),
    ],
)  # fmt: skip
def test_a_platform_is_what_the_host_says_but_for_an_old_centos(row: dict[str, str], columns: dict[str, str]) -> None:
    assert ingest.os_version([row], "") == columns


def test_windows_goes_by_its_name_without_its_maker() -> None:
    row = {"name": "Microsoft Windows 11 Pro Microsoft Windows", "version": "10.0.1"}
    assert ingest.os_version_windows([row], "") == {"os_version": "Windows 11 Pro Microsoft Windows 10.0.1"}


@pytest.mark.parametrize("rows", [[], [{"hostname": "a", "name": "a"}, {"hostname": "b", "name": "b"}]])
def test_what_is_not_told_in_one_row_changes_nothing(rows: list[dict[str, str]]) -> None:
    for take in (ingest.os_version, ingest.os_version_windows, ingest.osquery_info, ingest.system_info, ingest.uptime,
                 ingest.network_interface):  # fmt: skip
        assert take(rows, "8.8.8.8") == {}


@pytest.mark.parametrize(
    ("flags", "columns"),
    [
        ({"config_refresh": "30"}, {"config_tls_refresh": 30}),
        ({"config_refresh": "30", "config_tls_refresh": "60"}, {"config_tls_refresh": 60}),
        ({"logger_tls_period": "", "distributed_interval": "x"}, {"logger_tls_period": 0}),
        ({"distributed_interval": str(2**32 - 1), "verbose": "1"}, {"distributed_interval": 2**32 - 1}),
        ({"distributed_interval": str(2**32), "logger_tls_period": "-1"}, {}),
    ],
)
def test_flags_become_intervals(flags: dict[str, str], columns: dict[str, int]) -> None:
    assert ingest.osquery_flags([{"name": name, "value": value} for name, value in flags.items()], "") == columns


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 0), ("0", 0), ("-1", -1), ("-2", None), (str(2**63 - 1), 2**63 - 1), (str(2**63), None), ("1.5", None)],
)
def test_numbers_are_taken_within_what_a_column_holds(text: str, number: int | None) -> None:
    columns: dict[str, Any] = ingest.system_info([{"physical_memory": text, "hostname": "a"}], "")
    assert columns == {"hostname": "a"} | ({} if number is None else {"memory": number})


def test_a_disk_is_known_by_two_numbers_or_not_at_all(session: Session) -> None:
    host_id = factories.make_host(session).id
    connection = session.connection()
    known = None
    for gigabytes, percent, taken in [
        ("nan", "1", None), ("1", "x", None), ("-1", "1", None), ("inf", "1", None), (str(2**54), "1", None),
        ("196.27", "41", (196.27, 41)), ("", "0", (0, 0)), ("1e2", "5", (100, 5)), ("7", "-5", None),
    ]:  # fmt: skip
        row = {"gigs_disk_space_available": gigabytes, "percent_disk_space_available": percent}
        ingest.disk_space(connection, host_id, [row])
        known = taken or known
        session.expire_all()
        disk = session.get(HostDisk, host_id)
        assert (disk and (disk.gigs_disk_space_available, disk.percent_disk_space_available)) == known, row
    ingest.disk_space(connection, host_id, [])
    ingest.disk_space(connection, host_id, [{}, {}])
    session.expire_all()
    assert session.get_one(HostDisk, host_id).gigs_disk_space_available == 100


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"hostname": "orion"}, "orion"),
        ({"hostname": ""}, "X1 (S1)"),
        ({"hostname": "", "hardware_serial": ""}, ""),
        ({"hostname": "orion", "computer_name": "Orion"}, "Orion"),
        ({"computer_name": "", "hostname": "", "hardware_model": "M", "hardware_serial": "S" * 300}, f"M ({'S' * 252}"),
        ({"uptime": 5}, None),
    ],
)
def test_the_name_to_show_is_made_of_what_is_told_and_what_was_known(
    session: Session, columns: dict[str, Any], name: str | None
) -> None:
    host = factories.make_host(session, hostname="old", hardware_model="X1", hardware_serial="S1")
    named = ingest.display_name(session.connection(), host.id, columns)
    assert named == columns | ({} if name is None else {"display_name": name})
