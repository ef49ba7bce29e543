"""What is typed is not lost when it cannot be taken: the session is over, or the form is out of date."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.acts import write_sql
from tests.browser.site import Site


@pytest.fixture
def editor(site: Site, page: Page) -> Page:
    """The editor of a new query, in which something was typed."""
    page.goto(f"{site.url}/queries/new")
    page.get_by_label("Description").fill("typed before")
    page.get_by_label("Observers can run").check()
    write_sql(page, "SELECT 3 AS three")
    return page


def _save(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Save", exact=True).click()


def _saved(page: Page, name: str) -> None:
    """The form has everything again, and saves it."""
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    expect(page.get_by_label("Description")).to_have_value("typed before")
    expect(page.get_by_label("Observers can run")).to_be_checked()
    expect(page.locator(".ace_content")).to_contain_text("SELECT 3 AS three")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.get_by_text("Query saved")).to_be_visible()


def test_a_query_typed_while_the_session_ended_is_there_after_signing_in(site: Site, editor: Page) -> None:
    editor.context.clear_cookies(name="fleet_session")
    _save(editor, "Over the end of a session")
    for password in ("not the password 1!", site.admin.password):
        editor.get_by_label("Email").fill(site.admin.email)
        editor.locator("#f-password").fill(password)
        editor.get_by_role("button", name="Sign in", exact=True).click()
    editor.wait_for_url("**/queries/new")
    _saved(editor, "Over the end of a session")


def test_a_form_that_is_out_of_date_leads_back_to_what_was_typed(site: Site, editor: Page) -> None:
    editor.context.clear_cookies(name="fleet_form")  # as after a restart of the browser
    _save(editor, "Out of date")
    expect(editor.get_by_role("heading", level=1)).to_have_text("This form is out of date")
    editor.get_by_role("link", name="Back to the form").click()
    _saved(editor, "Out of date")
    editor.get_by_role("link", name="Back to queries").click()
    editor.get_by_role("link", name="New query").first.click()
    expect(editor.get_by_label("Name", exact=True)).to_have_value("")


def test_a_dialog_that_is_out_of_date_is_sent_again_as_it_stands(site: Site, page: Page) -> None:
    query = site.query("Into the pack", "SELECT 1")
    pack = site.call("POST", "/packs", {"name": "Out of date"})["pack"]["id"]
    page.goto(f"{site.url}/packs/{pack}")
    page.get_by_role("link", name="Add query").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Query", exact=True).select_option(str(query))
    page.context.clear_cookies(name="fleet_form")
    dialog.get_by_role("button", name="Add query").click()
    expect(page.get_by_role("alert").filter(has_text="This form is out of date. Send it again.")).to_be_visible()
    dialog.get_by_role("button", name="Add query").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#results")).to_contain_text("Into the pack")
