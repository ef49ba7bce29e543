"""Hosts in the browser: they appear, are found, told apart, asked again and deleted."""

import csv
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HOSTS, Visit
from tests.browser.site import Puppet, Site


def _count(page: Page) -> int:
    return int(page.locator("#results .count[role=status]").inner_text().split()[0].replace(",", ""))


def _names(page: Page) -> list[str]:
    return page.locator("#results tbody th").all_inner_texts()


def _step(page: Page, where: str) -> None:
    """Through the history, as the browser's buttons do it: the address changes, and the page loads it anew."""
    with page.expect_event("load"):
        page.evaluate("where => { setTimeout(() => history[where]()); }", where)


@pytest.fixture(scope="package")
def steady(site: Site) -> str:
    """The path of a list of hosts all of which stay online."""
    spec = {"name": "Steady", "label_membership_type": "manual", "hosts": site.steady}
    site.call("POST", "/spec/labels", {"specs": [spec]})
    return f"/hosts/manage/labels/{site.call('GET', '/spec/labels/Steady')['specs']['id']}"


def test_a_host_that_enrolls_is_in_the_list_with_what_it_told(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/hosts/manage")
    before = _count(page)
    puppet = Puppet(site, 0)
    page.reload()
    assert _count(page) == before + 1
    page.get_by_role("searchbox", name="Search name").fill(puppet.name)
    expect(page.locator("#results tbody th")).to_have_text([puppet.name])
    expect(page.locator("#results tbody tr")).to_contain_text("Online")
    page.get_by_role("link", name=puppet.name, exact=True).click()
    expect(page.locator("h1")).to_have_text(puppet.name)
    expect(page.locator("#tab")).to_contain_text(site.call("GET", f"/hosts/{puppet.id}")["host"]["uuid"])


def test_an_address_opens_the_dialog_to_add_hosts(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/hosts/manage?add_hosts=true&unknown=1")
    expect(page.locator("#dlg")).to_contain_text("flagfile.txt")
    page.keyboard.press("Escape")
    expect(page.locator("#dlg")).to_be_hidden()
    expect(page.get_by_role("link", name="Add hosts")).to_be_focused()


def test_the_dialog_to_add_hosts_hides_the_secret_until_asked_and_gives_the_focus_back(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/hosts/manage")
    opener = page.get_by_role("link", name="Add hosts").or_(page.get_by_role("button", name="Add hosts"))
    opener.click()
    dialog = page.locator("#dlg")
    secret = dialog.locator("input").first
    expect(secret).to_have_attribute("type", "password")
    assert secret.input_value() == site.instance.secret()
    dialog.locator("[data-reveal]").first.click()
    expect(secret).to_have_attribute("type", "text")
    dialog.get_by_role("link", name="This computer").click()
    expect(dialog).to_contain_text("make agent")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_each_step_through_the_list_is_an_address_that_back_and_another_window_show_again(
    site: Site, page: Page, visit: Visit, steady: str
) -> None:
    page.goto(site.url + steady)
    everything = _names(page)
    assert len(everything) == HOSTS
    page.locator("#results .chip", has_text="Online").click()
    page.wait_for_url("**status=online**")
    page.locator("#results thead a", has_text="Host").first.click()
    page.wait_for_url("**order_direction=desc**")
    expect(page.locator("#results th[aria-sort=descending]")).to_contain_text("Host")
    downwards = everything[::-1]
    assert _names(page) == downwards
    page.get_by_role("searchbox", name="Search name").fill("no such host")
    page.wait_for_url("**query=no**")
    expect(page.locator("#results")).to_contain_text("No host matches")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["status"] == ["online"] and asked["order_direction"] == ["desc"]
    assert urlsplit(page.url).path == steady

    _step(page, "back")
    expect(page.locator("#results tbody th")).to_have_text(downwards)
    assert _names(visit(site, page.url.removeprefix(site.url))) == downwards
    _step(page, "back")
    page.wait_for_url(lambda url: "status=online" in url and "order_direction" not in url)
    _step(page, "back")
    page.wait_for_url(site.url + steady)
    expect(page.locator("#results tbody th")).to_have_text(everything)
    _step(page, "forward")
    page.wait_for_url("**status=online**")
    expect(page.locator("#results .chip[aria-pressed=true], #results .chip[aria-current]")).to_contain_text("Online")


def test_filters_that_were_set_or_removed_meanwhile_count_for_the_next_link_and_the_next_search(
    site: Site, page: Page
) -> None:
    page.goto(f"{site.url}/hosts/manage?per_page=20")
    page.locator("#results .chip", has_text="Online").click()
    page.wait_for_url("**status=online**")
    page.locator(".side a", has_text="All Hosts").first.click()
    page.wait_for_load_state()
    assert "status=online" in page.url
    page.locator(".side a", has_text="macOS").click()
    page.wait_for_url("**/hosts/manage/labels/7**")
    assert "status=online" in page.url
    page.get_by_role("link", name="Remove filter Label: macOS").click()
    page.wait_for_url("**/hosts/manage?**")
    page.get_by_role("searchbox", name="Search name").fill("a")
    page.wait_for_url("**query=a**")
    assert urlsplit(page.url).path == "/hosts/manage", "the label was removed"


def test_the_export_has_the_rows_of_the_view_in_its_order(site: Site, page: Page, steady: str) -> None:
    page.goto(f"{site.url}{steady}?order_key=display_name&order_direction=desc&status=online")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == HOSTS
    assert [line["display_name"] for line in lines] == _names(page)


def test_a_refetch_shows_what_the_host_answers_without_a_reload(site: Site, page: Page) -> None:
    puppet = Puppet(site, 1)
    page.goto(f"{site.url}/hosts/{puppet.id}")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="Refetch").click()
    expect(page.locator("#head")).to_contain_text("asking the host")
    assert puppet.ask()
    expect(page.locator("#head")).not_to_contain_text("asking the host")
    expect(page.get_by_role("button", name="Refetch")).to_be_enabled()
    assert page.evaluate("window.stayed") is True


def test_deleting_names_the_exact_number_and_starts_on_cancel(site: Site, page: Page) -> None:
    doomed = [Puppet(site, number, seed="doomed") for number in range(2)]
    page.goto(f"{site.url}/hosts/manage")
    before = _count(page)
    for puppet in doomed:
        page.get_by_label(f"Select {puppet.name}").check()
    opener = page.locator(".bulk button", has_text="Delete")
    opener.click()
    dialog = page.locator("#dlg")
    expect(dialog).to_contain_text("Delete 2 hosts?")
    expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_role("button", name="Delete 2 hosts").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#results .count[role=status]")).to_have_text(f"{before - 2} hosts")
    assert not {puppet.id for puppet in doomed} & {host["id"] for host in site.hosts()}
