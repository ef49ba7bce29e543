"""The same work with JavaScript switched off: lists, forms and dialogs as plain pages."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.site import Puppet, Site


@pytest.fixture
def plain(site: Site, visit: Visit) -> Page:
    """A page without script, signed in as the admin."""
    return visit(site, script=False)


def _at(page: Page) -> str:
    return urlsplit(page.url).path


def test_one_signs_in_and_out_and_a_wrong_password_is_refused(site: Site, visit: Visit) -> None:
    page = visit(site, "/queries/manage", token="", script=False)
    for password in ("not the password 1!", site.admin.password):
        page.get_by_label("Email").fill(site.admin.email)
        page.locator("#f-password").fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        if password != site.admin.password:
            expect(page.get_by_role("alert")).to_contain_text("not right")
    assert _at(page) == "/queries/manage"
    page.goto(f"{site.url}/logout")
    page.locator("main").get_by_role("button", name="Sign out").click()
    assert _at(page) == "/login"


def test_hosts_are_searched_sorted_opened_and_deleted(site: Site, plain: Page) -> None:
    puppet = Puppet(site, 0, seed="plain")
    plain.goto(f"{site.url}/hosts/manage")
    plain.locator("#results .chip", has_text="Online").click()
    plain.get_by_role("searchbox", name="Search name").fill(puppet.name)
    plain.get_by_role("searchbox", name="Search name").press("Enter")
    assert "status=online" in plain.url and "query=" in plain.url
    expect(plain.locator("#results tbody th")).to_have_text([puppet.name])
    plain.locator("#results thead a", has_text="Host").first.click()
    assert "order_direction=" in plain.url and "query=" in plain.url
    plain.get_by_role("link", name=puppet.name, exact=True).click()
    expect(plain.locator("h1")).to_have_text(puppet.name)
    plain.get_by_role("button", name="Refetch").click()
    assert _at(plain) == f"/hosts/{puppet.id}"

    plain.goto(f"{site.url}/hosts/manage?query={puppet.name}")
    plain.get_by_label(f"Select {puppet.name}").check()
    plain.locator(".bulk").get_by_text("Delete").click()
    expect(plain.locator("#dialog")).to_contain_text("Delete this host?")
    plain.get_by_role("button", name="Delete host").click()
    assert _at(plain) == "/hosts/manage"
    assert puppet.id not in {host["id"] for host in site.hosts()}


def test_a_query_is_written_refused_saved_and_its_run_prepared(site: Site, plain: Page) -> None:
    plain.goto(f"{site.url}/queries/new")
    sql = plain.get_by_label("SQL", exact=True)
    plain.get_by_label("Name", exact=True).fill("Written without script")
    sql.fill("SELECT FROM")
    plain.get_by_role("button", name="Save", exact=True).click()
    expect(plain.locator("#f-query-error").or_(plain.locator("#sql-check")).first).to_contain_text("syntax error")
    expect(plain.get_by_label("Name", exact=True)).to_have_value("Written without script")
    sql.fill("SELECT days FROM uptime")
    plain.get_by_role("button", name="Save", exact=True).click()
    expect(plain.locator("h1")).to_have_text("Written without script")
    plain.get_by_role("button", name="Live query").click()
    plain.locator("label.chip", has_text="All Hosts").click()
    plain.get_by_role("button", name="Run", exact=True).click()
    assert _at(plain).startswith("/live/")
    expect(plain.locator("noscript .banner")).to_be_visible()
    expect(plain.get_by_role("button", name="Stop")).to_be_hidden()


def test_a_pack_is_made_filled_and_deleted(site: Site, plain: Page) -> None:
    site.query("For the plain pack", "SELECT days FROM uptime")
    plain.goto(f"{site.url}/packs/new")
    plain.get_by_role("button", name="Create pack").click()
    assert _at(plain) == "/packs/new"
    plain.get_by_label("Name", exact=True).fill("Plain pack")
    plain.get_by_label("All Hosts").check()
    plain.get_by_role("button", name="Create pack").click()
    expect(plain.locator("h1")).to_have_text("Plain pack")
    plain.get_by_role("link", name="Add query").first.click()
    plain.get_by_label("Query", exact=True).select_option(label="For the plain pack")
    plain.get_by_role("button", name="Add query").click()
    expect(plain.locator("#results tbody tr")).to_contain_text("For the plain pack")
    plain.locator(".page-head").get_by_text("Delete").click()
    plain.get_by_role("button", name="Delete pack").click()
    assert _at(plain) == "/packs/manage"
    expect(plain.locator("#results")).not_to_contain_text("Plain pack")


def test_the_theme_is_chosen_on_the_profile(site: Site, plain: Page) -> None:
    plain.goto(f"{site.url}/profile")
    plain.locator("main").get_by_role("button", name="Dark").click()
    expect(plain.locator("html")).to_have_attribute("data-theme", "dark")
    plain.locator("main").get_by_role("button", name="System").click()
    assert plain.locator("html").get_attribute("data-theme") is None
