"""The first minutes of an instance: the wizard, with script and without."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.site import Site
from tests.browser.watch import sideways

PASSWORD = "correct horse 7 battery!"


def test_an_empty_instance_is_set_up_in_four_steps_and_then_signs_in(empty_site: Site, visit: Visit) -> None:
    page = visit(empty_site, "/hosts/manage", token="")
    assert page.url == f"{empty_site.url}/setup"
    expect(page.locator("[data-setup-step]:visible")).to_have_count(1)
    assert not sideways(page)
    page.set_viewport_size({"width": 390, "height": 800})
    assert not sideways(page)

    page.get_by_label("Full name").fill("Ada Lovelace")
    page.get_by_label("Email").fill("ada@example.com")
    page.locator("#f-password").fill("short")
    page.get_by_label("Once more", exact=True).fill("short")
    page.locator("#admin [data-setup-next]").click()
    expect(page.locator("#f-password")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#f-password-error")).to_contain_text("12")
    expect(page.locator("#f-password")).to_be_visible()

    page.locator("#f-password").fill(PASSWORD)
    expect(page.locator("[data-rule].met")).to_have_count(3)
    page.get_by_label("Once more", exact=True).fill(PASSWORD)
    page.locator("#admin [data-setup-next]").click()
    page.get_by_label("Name of the organisation").fill("Analytical Engines")
    page.locator("#organization [data-setup-next]").click()
    assert page.get_by_label("Address", exact=True).input_value().startswith("https://localhost")
    page.locator("#server [data-setup-next]").click()
    expect(page.locator("#setup-review")).to_contain_text("Ada Lovelace, ada@example.com")
    expect(page.locator("#setup-review")).to_contain_text("Analytical Engines")

    page.get_by_role("button", name="Set up", exact=True).click()
    page.wait_for_url("**/dashboard")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".rail")).to_contain_text("Analytical Engines")

    stranger = visit(empty_site, "/setup", token="")
    assert stranger.url == f"{empty_site.url}/login"


def _fill(page: Page, password: str) -> None:
    for label, value in (("Full name", "Ada"), ("Email", "ada@example.com"), ("Name of the organisation", "Engines")):
        page.get_by_label(label).fill(value)
    page.locator("#f-password").fill(password)
    page.get_by_label("Once more", exact=True).fill(password)
    page.get_by_role("button", name="Set up", exact=True).click()


def test_without_script_the_wizard_is_one_form_that_keeps_what_was_typed(empty_site: Site, visit: Visit) -> None:
    page = visit(empty_site, "/", token="", script=False)
    assert page.url == f"{empty_site.url}/setup"
    expect(page.locator("[data-setup-step]:visible")).to_have_count(4)
    _fill(page, "weak")
    expect(page.locator("#f-password-error")).to_be_visible()
    expect(page.get_by_label("Full name")).to_have_value("Ada")
    expect(page.locator("#f-password")).to_have_value("")
    _fill(page, PASSWORD)
    page.wait_for_url("**/dashboard")
