"""Every page in both themes, wide and narrow: no fault, nothing sideways, readable by all, small."""

import gzip
from importlib import resources

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Visit
from tests.browser.site import Site
from tests.browser.watch import sideways

KB = 1024
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0"
SERIOUS = ("serious", "critical")
NOWHERE = "/no/such/page"
UNMARKED = (
    "/login", "/login/denied", "/apionlyuser", "/logout", "/profile", "/profile/password", "/profile/token", NOWHERE,
)  # fmt: skip
"""Pages that belong to no entry of the rail."""


@pytest.fixture(scope="package")
def main_pages(site: Site) -> list[str]:
    """The pages that people work on, with something to see on each."""
    query = site.query("Looked at", "SELECT name, version FROM os_version", interval=3600, automations_enabled=True)
    pack = site.call("POST", "/packs", {"name": "Looked at", "label_ids": [6]})["pack"]["id"]
    site.call("POST", "/packs/schedule", {"query_id": query, "interval": 60, "pack_id": pack})
    host = site.hosts()[0]["id"]
    body = {"query": "SELECT 1 AS one", "selected": {"labels": [6]}}
    campaign = site.call("POST", "/queries/run", body)["campaign"]["id"]
    return [
        "/dashboard", "/hosts/manage", f"/hosts/{host}", f"/hosts/{host}/schedule", f"/hosts/delete?id={host}",
        "/hosts/add", "/labels/manage", "/queries/manage", f"/queries/{query}", f"/queries/{query}/live?label_ids=6",
        f"/live/{campaign}", "/packs/manage", f"/packs/{pack}", f"/packs/{pack}/queries/new", "/profile",
    ]  # fmt: skip


@pytest.fixture(scope="package")
def other_pages(site: Site, main_pages: list[str]) -> list[str]:
    """Variants of them, and their dialogs as pages."""
    query, host, pack = site.query("Glanced at", "SELECT 1 AS one"), main_pages[2], main_pages[12]
    entry = site.call("GET", f"{pack}/scheduled")["scheduled"][0]["id"]
    return [
        "/hosts/manage?query=nothing+has+this+name", "/hosts/manage/labels/7", "/hosts/manage?label_query=mac",
        f"{host}/query", "/hosts/add?how=computer", "/labels/6", "/labels/new", "/queries/manage?view=schedule",
        "/queries/new", "/queries/new/live", f"/queries/delete?id={query}", "/packs/new", f"{pack}/queries/{entry}",
        f"{pack}/delete", "/profile/password", "/profile/token", "/logout", NOWHERE,
    ]  # fmt: skip


def _unreadable(page: Page, **options: object) -> list[str]:
    """What axe, which is on the page already, finds that shuts somebody out."""
    found = page.evaluate(
        "options => axe.run(document, options).then((found) => found.violations)",
        {"resultTypes": ["violations"], "preload": False, **options},
    )
    return [
        f"{rule['id']} ({rule['impact']}): {', '.join(str(node['target'][0]) for node in rule['nodes'][:3])}"
        for rule in found
        if rule["impact"] in SERIOUS
    ]


def _faults(page: Page, address: str) -> list[str]:
    """What is wrong with a page: sideways scrolling at either width, access, and the colours of either theme."""
    found = []
    page.set_viewport_size({"width": 390, "height": 800})
    answer = page.goto(address)
    if answer is None or answer.status != (404 if address.endswith(NOWHERE) else 200):
        found.append(f"answers {answer and answer.status}")
    if wide := sideways(page):
        found.append(f"390 px: sideways by {wide}")
    page.set_viewport_size({"width": 1440, "height": 900})
    if wide := sideways(page):
        found.append(f"1440 px: sideways by {wide}")
    if page.locator("h1").count() != 1:
        found.append(f"{page.locator('h1').count()} h1")
    page.evaluate(AXE)
    if address.endswith(UNMARKED) is bool(page.locator(".rail [aria-current=page]").count()):
        found.append("is not the one that the rail marks")
    found += _unreadable(page)
    other = page.locator("html").evaluate(
        "html => html.dataset.theme = html.dataset.theme === 'dark' ? 'light' : 'dark'"
    )
    found += [f"{other}: {fault}" for fault in _unreadable(page, runOnly=["color-contrast"])]
    return [f"{address}: {fault}" for fault in found]


def test_the_main_pages_fit_and_shut_nobody_out(site: Site, visit: Visit, main_pages: list[str]) -> None:
    page = visit(site, theme="light")
    faults = [fault for path in main_pages for fault in _faults(page, site.url + path)]
    faults += _faults(visit(site, token="", theme="light"), f"{site.url}/login")
    assert not faults, "\n".join(faults)


def test_the_other_pages_begun_in_the_dark_theme_do_so_too(site: Site, visit: Visit, other_pages: list[str]) -> None:
    page = visit(site, theme="dark")
    faults = [fault for path in other_pages for fault in _faults(page, site.url + path)]
    page = visit(site, token="", theme="dark")
    for path in ("/login", "/login/denied", "/apionlyuser"):
        faults += _faults(page, site.url + path)
    assert not faults, "\n".join(faults)


def test_the_theme_follows_the_system_until_somebody_chooses(site: Site, visit: Visit) -> None:
    def shade(page: Page) -> int:
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3])

    assert shade(visit(site, "/profile")) > 600
    page = visit(site, "/profile", scheme="dark")
    assert shade(page) < 200
    page.locator("main").get_by_role("button", name="Light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert shade(page) > 600
    page.reload()
    assert shade(page) > 600


def test_the_menu_opens_on_a_narrow_window(site: Site, visit: Visit) -> None:
    page = visit(site, "/hosts/manage", width=390, height=800)
    expect(page.locator("#rail")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.locator("#rail").get_by_role("link", name="Queries").click()
    page.wait_for_url("**/queries/manage")


BUDGETS = [  # path, kilobytes, requests
    ("/login", 60, 6), ("/dashboard", 60, 6), ("/hosts/manage", 60, 6), ("/queries/new", 220, 8),
    ("/queries/new/live", 220, 8),
]  # fmt: skip


@pytest.mark.parametrize(("path", "kilobytes", "requests"), BUDGETS)
def test_a_first_visit_stays_within_its_budget(
    site: Site, visit: Visit, path: str, kilobytes: int, requests: int
) -> None:
    page = visit(site, token="" if path == "/login" else None)
    told, sizes = _first_visit(page, site, path)
    assert sum(sizes.values()) <= kilobytes * KB, told
    assert sizes[path] <= 15 * KB, told
    assert len(sizes) <= requests, told


def test_a_first_visit_of_a_run_stays_within_its_budget(site: Site, visit: Visit) -> None:
    body = {"query": "SELECT 1 AS one", "selected": {"labels": [6]}}
    run = site.call("POST", "/queries/run", body)["campaign"]["id"]
    told, sizes = _first_visit(visit(site), site, f"/live/{run}")
    assert sum(sizes.values()) <= 70 * KB, told
    assert len(sizes) <= 6, told


def _first_visit(page: Page, site: Site, path: str) -> tuple[str, dict[str, int]]:
    """What a browser that knows nothing yet fetches, compressed: as text for people, and by its address."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(site.url + path, wait_until="networkidle")
    sizes = {answer.url.removeprefix(site.url): len(gzip.compress(answer.body(), 9)) for answer in answers}
    return "\n".join(f"{size / KB:6.1f} KB {name}" for name, size in sizes.items()), sizes


def test_narrow_windows_fetch_no_editor(site: Site, visit: Visit) -> None:
    page = visit(site, width=390, height=800)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(site.url)))
    page.goto(f"{site.url}/queries/new", wait_until="networkidle")
    assert len(asked) <= 6 and not any("/ace" in url for url in asked), asked
    expect(page.locator("#f-query")).to_be_visible()


def test_the_table_of_sessions_fits_a_narrow_window(site: Site, visit: Visit) -> None:
    page = visit(site, "/profile", width=390, height=800)
    expect(page.get_by_role("columnheader", name="Last used")).to_be_visible()
    expect(page.locator(".table-wrap .sub").first).to_contain_text("signed in")
    assert page.locator(".table-wrap").evaluate("box => box.scrollWidth <= box.clientWidth")
