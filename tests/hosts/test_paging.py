"""Pages of a list of hosts: together they are the list, whatever its order."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from fleet import clock
from fleet.authz.check import Visible
from fleet.db.listing import ListOptions
from fleet.hosts import listing
from fleet.hosts.listing import Filter, HostRow
from fleet.hosts.models import HostAdditional, HostDisk, HostSeen
from tests import factories
from tests.conftest import Client

ALL = Visible(everything=True)


@pytest.fixture
def many(session: Session) -> None:
    """Hosts that are alike in some columns, and lack what others have."""
    team = factories.make_team(session)
    for number in range(11):
        name = f"{'Ab'[number % 2]}-{number // 4}"
        host = factories.make_host(session, hostname=name, team_id=team.id if number % 3 else None, uptime=number % 2)
        if number % 2:
            session.add(HostDisk(host_id=host.id, gigs_disk_space_available=number / 2))
        seen = session.get(HostSeen, host.id)
        assert seen
        seen.seen_at = clock.now() - timedelta(hours=number % 4)
    session.commit()


def test_pages_together_are_the_list_in_every_order(session: Session, many: None) -> None:
    for key in ("", *listing.SORTABLE):
        for descending in (False, True) if key else (False,):
            whole = listing.page(session, Filter(), ALL, ListOptions(0, 0, key, descending))
            pages = [
                row
                for page in range(5)
                for row in listing.page(session, Filter(), ALL, ListOptions(page, 3, key, descending))
            ]
            assert [row.id for row in pages] == [row.id for row in whole], key
            assert pages == whole and len(whole) == 11
            if key:
                values = [sorted_by(row, key) for row in whole]
                assert values == sorted(values, reverse=descending), key
                assert len(set(values)) > 1 or key not in DIFFERENT, key


DIFFERENT = {
    "id",
    "hostname",
    "display_name",
    "team_name",
    "team_id",
    "uptime",
    "seen_time",
    "gigs_disk_space_available",
}
"""Keys in which not all of the hosts are alike."""


def sorted_by(row: HostRow, key: str) -> tuple[bool, Any]:
    """What a host is ordered by: nothing comes first, capitals stand among small letters."""
    value = getattr(row, {"software_updated_at": "created_at"}.get(key, key))
    return value is not None, value.lower() if isinstance(value, str) else value or 0


def test_a_cursor_begins_a_page_after_a_host(session: Session, many: None) -> None:
    rows = listing.page(session, Filter(), ALL, ListOptions(0, 4, "id", after="5"))
    assert [row.id for row in rows] == [6, 7, 8, 9]
    rows = listing.page(session, Filter(match="B-"), ALL, ListOptions(0, 2, "hostname", True, after="B-1"))
    assert [row.hostname for row in rows] == ["b-0", "b-0"]


def test_a_version_alone_is_a_filter_too(admin: Client, session: Session) -> None:
    factories.make_host(session, hostname="old", os_version="Ubuntu 20.04")
    factories.make_host(session, hostname="new", os_version="Ubuntu 22.04")
    factories.make_host(session, hostname="odd", os_version="Ubuntu 2_.04")
    session.commit()
    for query, expected in (("os_version=22.04", ["new"]), ("os_version=2_.04", ["odd"]), ("os_version=04", [])):
        found = admin.get(f"/hosts?{query}").json["hosts"]
        assert [host["hostname"] for host in found] == expected
        assert admin.get(f"/hosts/count?{query}").json == {"count": len(expected)}


def test_a_number_that_no_integer_holds_is_still_shown(admin: Client, session: Session) -> None:
    for gigabytes in (1e300, 2.0**60, 12.0, 0.5):
        host = factories.make_host(session)
        session.add(HostDisk(host_id=host.id, gigs_disk_space_available=gigabytes))
    session.commit()
    shown = [host["gigs_disk_space_available"] for host in admin.get("/hosts?order_key=id").json["hosts"]]
    assert shown == [1e300, 2.0**60, 12, 0.5]
    assert admin.get("/hosts/1").status_code == 200


def test_additional_information_of_many_hosts_comes_in_parts(admin: Client, session: Session) -> None:
    hosts = [factories.make_host(session) for _ in range(3)]
    session.add_all(HostAdditional(host_id=host.id, additional='{"a": 1}') for host in hosts)
    session.flush()
    ids = [*range(10_000, 50_000), *(host.id for host in hosts)]
    assert set(listing.additional_of(session, ids)) == {host.id for host in hosts}
    session.commit()
    named = ",".join(f"name{number}" for number in range(101))
    refused = admin.get(f"/hosts?additional_info_filters={named}")
    assert refused.status_code == 400 and refused.json["errors"][0]["name"] == "additional_info_filters"
    assert admin.get(f"/hosts?additional_info_filters={'name,' * 101}").status_code == 200


def test_a_search_for_more_than_a_name_can_hold_finds_nothing(admin: Client, session: Session) -> None:
    factories.make_host(session)
    session.commit()
    assert admin.post("/hosts/search", {"query": "a" * 60_000}).json["hosts"] == []
    assert admin.post("/hosts/delete", {"filters": {"query": "a" * 60_000}}).json == {}
    assert admin.get("/hosts/count").json == {"count": 1}


def test_numbers_that_are_none_are_passed_over_or_refused(browser: FlaskClient, session: Session) -> None:
    host = factories.make_host(session)
    session.commit()
    for shown in ("²", "9" * 5000, "x", ""):
        assert browser.get("/hosts/delete", query_string={"id": host.id, "shown": shown}).status_code == 200
        path = f"/_/hosts/{host.id}/refetch"
        assert browser.get(path, query_string={"n": shown}, headers={"HX-Request": "true"}).status_code == 200
    assert browser.get("/hosts/delete", query_string={"id": "²"}).status_code == 400


def test_thousands_of_ticked_hosts_are_asked_about_at_once(browser: FlaskClient, session: Session) -> None:
    hosts = [factories.make_host(session, online=number == 0) for number in range(3)]
    session.commit()
    ids = [host.id for host in hosts] + list(range(1000, 41_000))
    page = browser.get("/hosts/delete", query_string={"id": ids}).get_data(as_text=True)
    assert "Delete 3 hosts?" in page and "1 of them is online" in page
