"""Chromium, a server with hosts, and pages that fail the test for anything a page may never do."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.site import Site
from tests.browser.watch import Watch

ARGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT = 10_000
HOSTS = 6

expect.set_options(timeout=WAIT)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser. It ends with this folder: Playwright's loop would be in the way of other tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is not here: no browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        yield browser
        browser.close()


@pytest.fixture
def empty_site(chromium: Browser, tmp_path: Path) -> Iterator[Site]:
    """A server that nobody has set up."""
    site = Site(tmp_path / "data")
    try:
        yield site.start()
    finally:
        site.stop()


@pytest.fixture(scope="package")
def site(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that is set up, with hosts. All modules share it: tests count before and after what they make."""
    site = Site(tmp_path_factory.mktemp("site") / "data")
    try:
        site.start().set_up()
        site.enroll(HOSTS)
        yield site
    finally:
        site.stop()


Visit = Callable[..., Page]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visit]:
    """Opens a page in a context of its own: `visit(site, "/hosts/manage")`; see `_open` for what else it takes."""
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_page(site: Site, path: str = "", **options: Any) -> Page:
        context, watch = _open(chromium, site, **options)
        opened.append((context, watch))
        page = context.new_page()
        if path:
            page.goto(site.url + path)
        return page

    yield open_page
    faults = [fault for _, watch in opened for fault in watch.faults]
    for context, _ in opened:
        context.close()
    assert not faults, "\n".join(faults)


def _open(
    chromium: Browser,
    site: Site,
    *,
    token: str | None = None,
    script: bool = True,
    scheme: str = "light",
    theme: str = "",
    width: int = 1440,
    height: int = 900,
) -> tuple[BrowserContext, Watch]:
    """A context as the admin (`token=""`: as nobody)."""
    context = chromium.new_context(
        java_script_enabled=script,
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",  # colours are not looked at on their way
        viewport={"width": width, "height": height},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(WAIT)
    watch = Watch(context, site.url)
    key = site.token if token is None else token
    for name, value in (("fleet_session", key), ("theme", theme)):
        if value:
            context.add_cookies([{"name": name, "value": value, "url": site.url}])
    return context, watch


@pytest.fixture
def page(site: Site, visit: Visit) -> Page:
    """A page of the shared server, signed in as the admin, with nothing opened yet."""
    return visit(site)
