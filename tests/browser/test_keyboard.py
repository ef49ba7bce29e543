"""Single keys: they lead through the pages, and whom they trouble switches them off."""

import re

from playwright.sync_api import Page, expect

from tests.browser.site import Site


def test_single_keys_search_lead_on_and_tell_of_themselves(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/hosts/manage")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search name")).to_be_focused()
    page.keyboard.type("gq?n")
    expect(page).to_have_url(re.compile("query=gq"))
    page.get_by_role("heading", name="Hosts", exact=True).click()
    page.keyboard.press("?")
    shortcuts = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shortcuts).to_contain_text("Go to queries")
    page.keyboard.press("Escape")
    expect(shortcuts).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page).to_have_url(f"{site.url}/queries/manage")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{site.url}/queries/new")


def test_single_keys_do_nothing_once_they_are_switched_off(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/profile")
    keys = page.get_by_role("form", name="Keyboard shortcuts")
    keys.get_by_role("button", name="Off").click()
    expect(page.get_by_role("status").filter(has_text="Keyboard shortcuts are off.")).to_be_visible()
    expect(keys.get_by_role("button", name="Off")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{site.url}/queries/manage")
    for key in ("?", "/", "g", "h", "n"):
        page.keyboard.press(key)
    expect(page.get_by_role("searchbox", name="Search queries")).not_to_be_focused()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(f"{site.url}/queries/manage")
    page.goto(f"{site.url}/profile")
    keys.get_by_role("button", name="On").click()
    page.goto(f"{site.url}/queries/manage")
    page.keyboard.press("n")
    expect(page).to_have_url(f"{site.url}/queries/new")
