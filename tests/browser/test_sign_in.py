"""Signing in and out, and what happens when a session ends under somebody's hands."""

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.site import Site


def _sign_in(page: Page, email: str, password: str) -> None:
    page.get_by_label("Email").fill(email)
    page.locator("#f-password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_deep_link_is_reached_after_signing_in_and_no_script_can_read_the_session(site: Site, visit: Visit) -> None:
    page = visit(site, "/hosts/manage?status=online", token="")
    assert urlsplit(page.url).path == "/login"

    told = []
    for email in ("nobody@example.com", site.admin.email):
        _sign_in(page, email, "not the password 1!")
        expect(page.get_by_role("alert")).to_be_visible()
        told.append(page.get_by_role("alert").inner_text())
        expect(page.get_by_label("Email")).to_have_value(email)
    assert told[0] == told[1]

    _sign_in(page, site.admin.email, site.admin.password)
    page.wait_for_url("**/hosts/manage?status=online")
    cookie = next(one for one in page.context.cookies() if one["name"] == "fleet_session")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Lax", "/")
    assert page.evaluate("document.cookie.includes('fleet_session')") is False
    assert page.evaluate("Object.keys(localStorage).length") == 0


def test_a_session_that_ended_leads_from_a_click_in_a_table_to_login_and_back(site: Site, visit: Visit) -> None:
    token = site.sign_in()
    page = visit(site, "/hosts/manage?status=online", token=token)
    site.end_session(token)
    page.locator("#results th a", has_text="Host").first.click()
    page.wait_for_url("**/login?**")
    # `next` is the page that is shown, or the view that was asked for; never a fragment.
    following = urlsplit(parse_qs(urlsplit(page.url).query)["next"][0])
    assert following.path == "/hosts/manage"
    assert "status=online" in following.query
    _sign_in(page, site.admin.email, site.admin.password)
    page.wait_for_url("**/hosts/manage?**")
    expect(page.locator(".rail")).to_be_visible()
    expect(page.locator("#results tbody tr").first).to_be_visible()


def test_the_end_of_a_session_is_told_two_minutes_ahead(site: Site, visit: Visit) -> None:
    page = visit(site, token=site.sign_in())
    page.clock.install()
    page.goto(f"{site.url}/profile")
    told = page.get_by_role("status").filter(has_text="You will be signed out")
    page.clock.fast_forward((119 * 60 + 57) * 60_000)
    page.clock.run_for(20_000)
    expect(told).to_have_count(0)
    page.clock.run_for(60_000)
    expect(told).to_contain_text("in 2 minutes")
    page.clock.run_for(60_000)
    expect(told).to_have_count(1)


def test_signing_out_ends_the_session_itself(site: Site, visit: Visit) -> None:
    token = site.sign_in()
    page = visit(site, "/logout", token=token)
    page.locator("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login?status=ended")
    page.context.add_cookies([{"name": "fleet_session", "value": token, "url": site.url}])
    page.goto(f"{site.url}/dashboard")
    assert urlsplit(page.url).path == "/login"
