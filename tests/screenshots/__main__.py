"""`python -m tests.screenshots`: every page, in both themes, at 1440 and 390 px, into build/screenshots."""

import argparse
import html
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.acts import write_sql
from tests.browser.conftest import ARGS
from tests.browser.site import Site
from tests.screenshots import scene

ROOT = Path(__file__).parent.parent.parent
TARGET = ROOT / "build" / "screenshots"
README = ROOT / "docs" / "images" / "live-query.png"
SIZES = {1440: 900, 390: 844}
THEMES = ("light", "dark")
HOSTS = 25

Prepare = Callable[[Page], object]


class Camera:
    """Takes each page four times and remembers what it took."""

    def __init__(self, browser: Browser, site: Site, target: Path) -> None:
        self._site = site
        self._target = target
        self.taken: list[str] = []
        self._page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()

    def sign_in(self) -> None:
        """From now on as the admin."""
        self._page.context.add_cookies([{"name": "fleet_session", "value": self._site.token, "url": self._site.url}])

    def take(self, name: str, path: str, prepare: Prepare | None = None, *, whole: bool = True) -> None:
        """A page, after something was done on it; `whole`: to its end, not just the window."""
        for theme in THEMES:
            self._page.context.add_cookies([{"name": "theme", "value": theme, "url": self._site.url}])
            for width, height in SIZES.items():
                self._page.set_viewport_size({"width": width, "height": height})
                self._page.goto(self._site.url + path)
                if prepare is not None:
                    prepare(self._page)
                self._keep(name, theme, width, whole)
        self._tell(name)

    def take_run(self, name: str, path: str, sql: str, done: Prepare) -> None:
        """A live run: it lives only as long as its page, so the theme is changed on it."""
        page = self._page
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(self._site.url + path)
        if sql:
            write_sql(page, sql)
        page.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url("**/live/*")
        done(page)
        for theme in THEMES:
            page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
            for width, height in SIZES.items():
                page.set_viewport_size({"width": width, "height": height})
                self._keep(name, theme, width, whole=True)
        self._tell(name)

    def _keep(self, name: str, theme: str, width: int, whole: bool) -> None:
        path = self._target / f"{name}-{theme}-{width}.png"
        self._page.screenshot(path=path, full_page=whole, animations="disabled", caret="hide")

    def _tell(self, name: str) -> None:
        self.taken.append(name)
        print(f"{len(self.taken):3}  {name}", flush=True)


def _click(selector: str, then: str = "") -> Prepare:
    def act(page: Page) -> None:
        page.locator(selector).first.click()
        if then:
            page.locator(then).first.wait_for()

    return act


def _wizard(steps: int) -> Prepare:
    values = {"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse 7 battery!",
              "password_confirmation": "correct horse 7 battery!", "org_name": "Analytical Engines"}  # fmt: skip

    def act(page: Page) -> None:
        for name, value in values.items():
            page.locator(f"#f-{name}").evaluate("(field, value) => { field.value = value; }", value)
        for step in range(1, steps):
            page.locator(f"[data-setup-step='{step}'] [data-setup-next]").click()
            page.locator(f"[data-setup-step='{step + 1}']").wait_for()

    return act


def _weak(page: Page) -> None:
    page.locator("#f-password").fill("weak")
    page.locator("#admin [data-setup-next]").click()
    page.locator("#f-password-error").wait_for()


def _wrong(page: Page) -> None:
    page.get_by_label("Email").fill("somebody@example.com")
    page.locator("#f-password").fill("not it")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").wait_for()


def _select_two(page: Page) -> None:
    boxes = page.locator("[data-select]")
    boxes.nth(0).check()
    boxes.nth(1).check()


def _delete_two(page: Page) -> None:
    _select_two(page)
    page.locator(".bulk button", has_text="Delete").click()
    page.locator("#dlg[open]").wait_for()


def _finished(page: Page) -> None:
    page.locator("[data-said]", has_text="Finished").wait_for(timeout=30_000)
    page.locator("#results thead button").first.click()  # in the order of the hosts' names
    page.locator("#results th[aria-sort=ascending]").wait_for()


def _errors(page: Page) -> None:
    page.locator("[data-said]", has_text="Finished").wait_for(timeout=30_000)
    page.get_by_role("tab", name="Errors").click()


def _broken_sql(page: Page) -> None:
    field = page.locator("#f-query")
    field.evaluate("(field, sql) => { field.value = sql; field.dispatchEvent(new Event('input', {bubbles: true})); }",
                   "SELECT nonsense FROM users")  # fmt: skip
    page.locator("#sql-check .bad, #sql-check .status.fail, #sql-check", has_text="nonsense").first.wait_for()


def _conflict(page: Page) -> None:
    page.locator("[name=updated_at]").evaluate("field => { field.value = 'another'; }")
    page.get_by_label("Description").fill("Processors, memory, and how long they have run.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator(".diff").first.wait_for()


def _out_of_date(page: Page) -> None:
    page.locator("#query-form [name=csrf_token]").evaluate("field => { field.value = 'old'; }")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="Back to the form").wait_for()


def _empty(camera: Camera, site: Site) -> None:
    """Before anything has happened."""
    camera.take("setup-1-admin", "/setup")
    camera.take("setup-1-refused", "/setup", _weak)
    for step, name in ((2, "organisation"), (3, "address"), (4, "review")):
        camera.take(f"setup-{step}-{name}", "/setup", _wizard(step))
    site.set_up()
    for name, path in (("login", "/login"), ("login-denied", "/login/denied"), ("api-only", "/apionlyuser")):
        camera.take(name, path)
    camera.take("login-refused", "/login", _wrong)
    camera.sign_in()
    for name, path in (("dashboard", "/dashboard"), ("hosts", "/hosts/manage"), ("queries", "/queries/manage"),
                       ("schedule", "/queries/manage?view=schedule"), ("packs", "/packs/manage")):  # fmt: skip
        camera.take(f"empty-{name}", path)


def _full(camera: Camera, site: Site, ids: dict[str, int]) -> None:
    """With hosts, queries and packs."""
    host = next(host["id"] for host in site.hosts() if host["platform"] == "darwin" and host["status"] == "online")
    away = next(host["id"] for host in site.hosts() if host["status"] == "offline")
    hardware, pack = ids["Hardware at a glance"], ids["Baseline"]
    entry = site.call("GET", f"/packs/{pack}/scheduled")["scheduled"][0]["id"]
    camera.take_run("live-finished", f"/queries/{hardware}/live?label_ids=6", "", _finished)
    camera.take_run(
        "live-errors", "/queries/new/live?label_ids=6", "SELECT username, shell FROM users WHERE uid < 3", _errors
    )
    disks = {"name": "Big disks", "query": "SELECT 1 FROM disk_info WHERE disk_size > 1e12", "description": "1 TB up."}
    label = site.call("POST", "/labels", disks)["label"]["id"]
    site.call("PATCH", f"/packs/{pack}", {"label_ids": [6, label]})
    for name, path in (
        ("dashboard", "/dashboard"), ("hosts", "/hosts/manage"), ("hosts-label", "/hosts/manage/labels/7"),
        ("hosts-no-match", "/hosts/manage?query=nothing+like+this&status=online"),
        ("hosts-few-columns", "/hosts/manage?cols=status,os_version"), ("host", f"/hosts/{host}"),
        ("host-offline", f"/hosts/{away}"), ("host-schedule", f"/hosts/{host}/schedule"),
        ("host-delete-page", f"/hosts/delete?id={host}"), ("hosts-add-page", "/hosts/add"),
        ("labels", "/labels/manage"), ("label", "/labels/7"), ("label-own", f"/labels/{label}"),
        ("label-new", "/labels/new"), ("label-edit", f"/labels/{label}/edit"),
        ("label-delete", f"/labels/{label}/delete"), ("queries", "/queries/manage"),
        ("schedule", "/queries/manage?view=schedule"), ("query-new", "/queries/new"), ("query", f"/queries/{hardware}"),
        ("live-targets", f"/queries/{hardware}/live?label_ids=6"), ("live-targets-new", "/queries/new/live"),
        ("packs", "/packs/manage"), ("pack-new", "/packs/new"), ("pack", f"/packs/{pack}"), ("profile", "/profile"),
        ("profile-password", "/profile/password"), ("profile-token", "/profile/token"), ("logout", "/logout"),
        ("not-found", "/no/such/page"),
    ):  # fmt: skip
        camera.take(name, path)
    camera.take("query-conflict", f"/queries/{hardware}", _conflict)
    camera.take("out-of-date", f"/queries/{hardware}", _out_of_date)
    run = site.call("POST", "/queries/run", {"query": "SELECT 1", "selected": {"labels": [6]}})["campaign"]["id"]
    camera.take("live-over", f"/live/{run}", lambda page: (page.wait_for_timeout(1000), page.reload()))
    camera.take("hosts-selected", "/hosts/manage", _select_two, whole=False)
    camera.take("dialog-hosts-delete", "/hosts/manage", _delete_two, whole=False)
    dialog = "#dlg[open]"
    camera.take("dialog-hosts-add", "/hosts/manage", _click("[data-shortcut=n]", dialog), whole=False)
    camera.take("dialog-host-query", f"/hosts/{host}", _click(".page-head >> text=Query", dialog), whole=False)
    camera.take("dialog-pack-query", f"/packs/{pack}", _click("[data-shortcut=n]", dialog), whole=False)
    camera.take("dialog-pack-entry", f"/packs/{pack}/queries/{entry}")
    camera.take("dialog-pack-delete", f"/packs/{pack}/delete?origin=pack")
    camera.take("query-broken", "/queries/new", _broken_sql)
    camera.take("menu-columns", "/hosts/manage", _click("summary:has-text('Columns')"), whole=False)
    camera.take("menu-user", "/dashboard", _user_menu, whole=False)


def _user_menu(page: Page) -> None:
    if page.locator(".menu-button").is_visible():
        page.locator(".menu-button").click()
    page.locator(".rail-user summary").click()


def _index(target: Path, names: list[str]) -> None:
    rows = []
    for name in names:
        shots = [f"{name}-{theme}-{width}.png" for width in SIZES for theme in THEMES]
        pictures = (f'<td><a href="{shot}"><img src="{shot}" loading="lazy" alt="{shot}"></a></td>' for shot in shots)
        rows.append(f'<tr><th scope="row">{html.escape(name)}</th>{"".join(pictures)}</tr>')
    heads = "".join(f"<th>{theme}, {width} px</th>" for width in SIZES for theme in THEMES)
    style = "body{font:14px system-ui}td,th{vertical-align:top;padding:6px;text-align:left}img{width:260px}"
    top = f'<!doctype html><meta charset="utf-8"><title>Pages</title><style>{style}</style>'
    table = f"<table><tr><th></th>{heads}</tr>{''.join(rows)}</table>\n"
    (target / "index.html").write_text(top + table, encoding="utf-8")


def _all(browser: Browser, site: Site) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    camera = Camera(browser, site, TARGET)
    _empty(camera, site)
    with scene.this_computer(site):
        site.enroll(HOSTS, seed="demo", fail_rate=0.08)
        scene.leave_some(site)
        _full(camera, site, scene.save_queries(site))
    _index(TARGET, camera.taken)
    print(f"{4 * len(camera.taken)} pictures: {TARGET / 'index.html'}")


def _readme(browser: Browser, site: Site) -> None:
    site.set_up()
    README.parent.mkdir(parents=True, exist_ok=True)
    with scene.this_computer(site):
        site.enroll(20, seed="demo")
        query = scene.save_queries(site)["Hardware at a glance"]
        context = browser.new_context(viewport={"width": 1440, "height": 904})
        for name, value in (("fleet_session", site.token), ("theme", "light")):
            context.add_cookies([{"name": name, "value": value, "url": site.url}])
        page = context.new_page()
        page.goto(f"{site.url}/queries/{query}/live?label_ids=6")
        page.get_by_role("button", name="Run", exact=True).click()
        _finished(page)
        page.mouse.move(1430, 120)
        page.screenshot(path=README, animations="disabled", caret="hide")
    print(README)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument(
        "--readme", action="store_true", help="only the picture of the README, docs/images/live-query.png"
    )
    readme = parser.parse_args().readme
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("Chromium is not here: no pictures")
    with tempfile.TemporaryDirectory(prefix="fleet-screenshots-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGS))
        site = Site(Path(folder) / "data")
        try:
            site.start()
            (_readme if readme else _all)(browser, site)
        finally:
            site.stop()
            browser.close()


main()
