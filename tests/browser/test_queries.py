"""Writing queries and packs: what the editor says meanwhile, what is kept, and what reaches the hosts."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import seconds, write_sql
from tests.browser.conftest import Visit
from tests.browser.site import Puppet, Site, until


def test_the_editor_says_what_is_wrong_with_sql_while_it_is_typed(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/queries/new")
    said = page.locator("#sql-check")
    for sql, reason in (("SELECT name FORM users", "syntax error"), ("SELECT nonsense FROM users", "nonsense")):
        write_sql(page, sql)
        expect(said).to_contain_text(reason, timeout=seconds(1))
    write_sql(page, "SELECT * FROM of_an_extension")
    expect(said).to_contain_text("of_an_extension")
    write_sql(page, "SELECT username FROM users")
    expect(said).to_contain_text("Runs on")
    expect(said).to_contain_text("Linux")


def test_a_query_is_written_saved_and_listed_and_a_second_of_its_name_keeps_its_text(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/queries/manage")
    page.get_by_role("link", name="New query").first.click()
    page.get_by_label("Name", exact=True).fill("Who is here")
    write_sql(page, "SELECT username FROM users")
    page.get_by_label("Frequency", exact=True).select_option(label="Every hour")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("h1")).to_have_text("Who is here")
    expect(page.get_by_text("Query saved")).to_be_visible()
    page.goto(f"{site.url}/queries/manage")
    row = page.locator("#results tbody tr", has_text="Who is here")
    expect(row).to_contain_text("very hour")

    page.goto(f"{site.url}/queries/new")
    page.get_by_label("Name", exact=True).fill("Who is here")
    write_sql(page, "SELECT 'kept' AS text")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#f-name-error")).to_contain_text("Who is here")
    expect(page.locator("#f-query")).to_have_value("SELECT 'kept' AS text")


def test_the_editor_is_no_keyboard_trap(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/queries/new")
    page.get_by_label("Name", exact=True).focus()
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert "ace_text-input" in " ".join(reached)
    assert "f-description" in reached


def test_of_two_who_change_a_query_the_second_is_shown_the_difference(site: Site, visit: Visit) -> None:
    query = site.query("Contested", "SELECT 1")
    first, second = (visit(site, f"/queries/{query}") for _ in range(2))
    first.get_by_label("Description").fill("mine")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Query saved")).to_be_visible()
    second.get_by_label("Description").fill("theirs")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.get_by_role("alert").first).to_contain_text("Somebody changed this query")
    expect(second.locator(".diff del")).to_contain_text("mine")
    expect(second.locator(".diff ins")).to_contain_text("theirs")
    second.get_by_role("button", name="Save mine over it").click()
    expect(second.get_by_text("Query saved")).to_be_visible()
    assert site.call("GET", f"/queries/{query}")["query"]["description"] == "theirs"


def test_what_was_edited_and_not_saved_is_what_is_asked_live(site: Site, page: Page) -> None:
    query = site.query("Edited on the way", "SELECT 1 AS one")
    page.goto(f"{site.url}/queries/{query}")
    write_sql(page, "SELECT 2 AS two")
    page.get_by_role("button", name="Live query").click()
    page.wait_for_url("**/live?**")
    expect(page.locator("#f-query")).to_have_value("SELECT 2 AS two")
    page.locator("label.chip", has_text="All Hosts").click()
    page.wait_for_url("**label_ids=**")
    page.reload()
    expect(page.locator("#f-query")).to_have_value("SELECT 2 AS two")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/live/*")
    expect(page.locator("#results thead")).to_contain_text("two")
    expect(page.locator("#results td.num").first).to_have_text("2")


@pytest.mark.parametrize("way", ["Back of the browser", "the link above the run"])
def test_what_was_typed_and_not_saved_is_there_for_whoever_comes_back_from_a_live_query(
    site: Site, page: Page, way: str
) -> None:
    page.goto(f"{site.url}/queries/new")
    page.get_by_label("Name", exact=True).fill("Not saved yet")
    page.get_by_label("Description").fill("why")
    page.get_by_label("Automations on").check()
    write_sql(page, "SELECT 2 AS two")
    page.get_by_role("button", name="Live query").click()
    page.wait_for_url("**/live?**")
    if way == "Back of the browser":
        page.go_back()
    else:
        page.locator("label.chip", has_text="All Hosts").click()
        page.wait_for_url("**label_ids=**")
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url("**/live/*")
        page.get_by_role("link", name="Back to the query").click()
    page.wait_for_url("**/queries/new")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Not saved yet")
    expect(page.get_by_label("Description")).to_have_value("why")
    expect(page.get_by_label("Automations on")).to_be_checked()
    expect(page.locator(".ace_content")).to_contain_text("SELECT 2 AS two")
    expect(page.locator("#f-query")).to_have_value("SELECT 2 AS two")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/queries/manage")
    assert asked == ["beforeunload"], "it is still not saved"
    page.get_by_role("link", name="New query").first.click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("")


def test_a_change_of_another_hand_is_still_noticed_by_whoever_comes_back_from_a_live_query(
    site: Site, visit: Visit
) -> None:
    query = site.query("Changed meanwhile", "SELECT 1")
    first, second = (visit(site, f"/queries/{query}") for _ in range(2))
    second.get_by_label("Description").fill("theirs")
    second.get_by_role("button", name="Live query").click()
    second.wait_for_url("**/live")
    first.get_by_label("Description").fill("mine")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Query saved")).to_be_visible()
    second.get_by_role("link", name="Back to the query").click()
    expect(second.get_by_label("Description")).to_have_value("theirs")
    second.get_by_role("button", name="Save", exact=True).click()
    expect(second.locator(".diff del")).to_contain_text("mine")


def test_a_pack_made_in_the_browser_reaches_the_hosts_within_two_seconds(site: Site, page: Page) -> None:
    puppet = Puppet(site, 2)
    site.query("Uptime of all", "SELECT days FROM uptime")
    page.goto(f"{site.url}/packs/manage")
    page.get_by_role("link", name="New pack").first.click()
    page.get_by_label("Name", exact=True).fill("Basics")
    page.get_by_label("All Hosts").check()
    expect(page.locator("#targets [role=status]")).to_contain_text(f"{len(site.hosts())} hosts get this pack")
    page.get_by_role("button", name="Create pack").click()
    expect(page.locator("h1")).to_have_text("Basics")

    page.get_by_role("link", name="Add query").or_(page.get_by_role("button", name="Add query")).first.click()
    dialog = page.locator("#dlg")
    dialog.get_by_label("Query", exact=True).select_option(label="Uptime of all")
    assert "Uptime of all" not in puppet.configure()
    dialog.get_by_role("button", name="Add query").click()
    until(lambda: "Uptime of all" in puppet.configure(), "the pack reaches the host", seconds(2) / 1000)
    expect(page.locator("#results tbody tr")).to_contain_text("Uptime of all")
    expect(dialog).to_be_hidden()
    page.goto(f"{site.url}/hosts/{puppet.id}/schedule")
    expect(page.locator("#tab")).to_contain_text("Basics")


def test_deleting_a_query_says_which_and_where_it_goes_missing(site: Site, page: Page) -> None:
    query = site.query("Short lived", "SELECT 1")
    pack = site.call("POST", "/packs", {"name": "Left without it"})["pack"]["id"]
    site.call("POST", "/packs/schedule", {"query_id": query, "interval": 60, "pack_id": pack})
    page.goto(f"{site.url}/queries/{query}")
    page.locator(".page-head").get_by_text("Delete").click()
    dialog = page.locator("#dlg")
    expect(dialog).to_contain_text("Short lived")
    expect(dialog).to_contain_text("Left without it")
    dialog.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/queries/manage**")
    expect(page.locator("#results")).not_to_contain_text("Short lived")
    assert site.call("GET", f"/packs/{pack}/scheduled")["scheduled"] == []


def test_a_refused_form_leads_to_the_editor_and_is_not_left_without_a_question(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/queries/new")
    page.get_by_label("Name", exact=True).fill("Refused")
    write_sql(page, "SELEC 1")
    page.get_by_role("button", name="Save", exact=True).click()
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("Please correct")
    alert.get_by_role("link", name="SQL").click()
    assert "ace_text-input" in page.evaluate("document.activeElement.className")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/queries/manage")
    assert asked == ["beforeunload"]
