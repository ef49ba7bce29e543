"""What people see of labels."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from fleet.labels import pages
from tests import factories


def test_the_list_shows_every_label_with_its_hosts(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Big disks", description="Room enough", hosts=[factories.make_host(session)])
    session.commit()
    page = browser.get("/labels/manage").text
    assert "9 labels" in page and "Room enough" in page and "Built in" in page
    assert f'href="/hosts/manage/labels/{label.id}" aria-label="1 host in Big disks"' in page
    found = browser.get("/labels/manage?query=DISK").text
    assert "1 label" in found and "Big disks" in found and ">All Hosts<" not in found
    assert "No label matches" in browser.get("/labels/manage?query=nothing+like+it").text
    assert browser.get("/labels").headers["Location"] == "/labels/manage"


def test_a_label_tells_what_it_means(browser: FlaskClient, session: Session) -> None:
    manual = factories.make_label(
        session, "Chosen", query="", label_membership_type=1, hosts=[factories.make_host(session, hostname="orion")]
    )
    session.commit()
    builtin = browser.get("/labels/7").text
    assert "select 1 from os_version where platform = &#39;darwin&#39;;" in builtin
    assert "Built-in labels cannot be changed" in builtin
    page = browser.get(f"/labels/{manual.id}").text
    assert "Chosen by hand" in page and "orion" in page
    assert browser.get("/labels/999").status_code == 404
    assert browser.get("/hosts/manage/labels/999").status_code == 404


def test_labels_have_a_place_in_the_rail_and_are_marked_there(browser: FlaskClient) -> None:
    for path, marked in (("/labels/manage", "Labels"), ("/labels/6", "Labels"), ("/hosts/manage/labels/6", "Hosts")):
        rail = browser.get(path).get_data(as_text=True).partition("<main")[0]
        items = re.findall(r'<a class="rail-item"[^>]*aria-current="page".*?<span>([^<]*)</span>', rail)
        assert items == [marked]


def test_the_page_of_a_manual_label_lists_so_many_hosts_and_leads_to_all(
    browser: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [factories.make_host(session, hostname=f"chosen-{number}") for number in range(3)]
    label = factories.make_label(session, "Chosen", label_membership_type=1, hosts=hosts)
    session.commit()
    everybody = browser.get(f"/labels/{label.id}").text
    assert "chosen-2" in everybody and "All 3 hosts" not in everybody
    monkeypatch.setattr(pages, "LISTED", 2)
    some = browser.get(f"/labels/{label.id}").text
    assert "chosen-1" in some and "chosen-2" not in some and "All 3 hosts" in some


def test_a_search_keeps_the_order_of_the_list(browser: FlaskClient) -> None:
    form = r'<input type="hidden" form="filters" name="([^"]+)" value="([^"]+)">'
    assert re.findall(form, browser.get("/labels/manage?query=o&page=0").text) == []
    found = browser.get("/labels/manage?query=o&order_key=name&order_direction=desc&per_page=50").text
    assert re.findall(form, found) == [("order_key", "name"), ("order_direction", "desc"), ("per_page", "50")]
