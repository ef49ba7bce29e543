"""Live queries as people see them: rows while they come, errors, hosts that are late, and an end."""

import csv
import io
import json
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.acts import cells, seconds, write_sql
from tests.browser.conftest import HOSTS
from tests.browser.site import LIVE, Puppet, Site, until

SQL = "SELECT hostname, '<img src=x onerror=\"document.title=1\">' AS mark FROM system_info"
MARK = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="package")
def puppets(site: Site) -> list[Puppet]:
    return [Puppet(site, number, seed="live") for number in range(3)]


def _run_on(site: Site, page: Page, sql: str, *puppets: Puppet) -> str:
    """Ask these hosts; gives the address of the run."""
    page.goto(f"{site.url}/queries/new/live?host_ids={','.join(str(puppet.id) for puppet in puppets)}")
    expect(page.locator("#selection")).to_contain_text(f"{len(puppets)} host")
    write_sql(page, sql)
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/live/*")
    expect(page.locator("[data-said]")).to_contain_text("responded")
    return page.url


def test_rows_stream_in_as_hosts_answer_and_late_ones_still_come(site: Site, page: Page, puppets: list[Puppet]) -> None:
    good, bad, late = puppets
    good.ask(), bad.ask()
    late.was_seen("-1 hour")
    run = _run_on(site, page, SQL, good, bad, late)
    said, progress = page.locator("[data-said]"), page.locator("#run progress")
    expect(said).to_have_text("Running: 0 of 2 online hosts responded")

    work = good.live(run)
    good.write(work)
    began = time.monotonic()
    row = page.locator("#results tbody tr").first
    row.wait_for(timeout=seconds(1))
    print(f"first row after {time.monotonic() - began:.2f} s")
    expect(row).to_contain_text(good.name)
    expect(said).to_have_text("Running: 1 of 2 online hosts responded")
    assert progress.evaluate("bar => [bar.value, bar.max]") == [1, 2]

    bad.write(bad.live(run), fail="no such table: nonsense")
    expect(said).to_have_text("Finished: 2 of 2 online hosts responded")
    page.get_by_role("tab", name="Errors").click()
    expect(page.locator("#errors tbody tr")).to_contain_text("no such table: nonsense")
    assert bad.name in cells(page, "#errors")[0]
    page.get_by_role("tab", name="Not answered").click()
    expect(page.locator("#silent tbody tr")).to_contain_text(late.name)

    late.write(late.live(run))
    page.get_by_role("tab", name="Results").click()
    expect(page.locator("#results tbody tr.late")).to_contain_text(late.name)
    expect(said).to_have_text("Finished: 3 of 3 hosts responded")

    shown = cells(page)
    assert [line[-1] for line in shown] == [MARK, MARK], "what hosts say is text"
    assert page.locator("#results img").count() == 0
    with page.expect_download() as download:
        page.locator("#results [data-export]").click()
    lines = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert lines[1:] == shown

    before = set(good.read().queries)
    page.reload()
    expect(page.get_by_text("Results are not stored")).to_be_visible()
    assert page.locator("#run").count() == 0
    assert page.get_by_role("button", name="Run again").is_visible()
    asked = {name for name in good.read().queries if name.startswith(LIVE)}
    assert asked <= before and Puppet.name_of(run) not in asked, "a reload never asks again"


def test_stop_ends_the_campaign_and_keeps_the_rows(site: Site, page: Page, puppets: list[Puppet]) -> None:
    first, silent, _ = puppets
    first.ask(), silent.ask()
    run = _run_on(site, page, SQL, first, silent)
    first.write(first.live(run))
    silent.live(run)
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-said]")).to_have_text("Stopped: 1 of 2 online hosts responded")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="Run on the 1 host that did not answer")).to_be_visible()

    until(lambda: Puppet.name_of(run) not in silent.read().queries, "the stopped query is no longer handed out")


def test_a_run_over_all_hosts_sorts_and_filters_what_has_come(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/queries/new/live")
    write_sql(page, "SELECT hostname, cpu_logical_cores AS cores FROM system_info")
    page.locator("label.chip", has_text="All Hosts").click()
    page.wait_for_url("**label_ids=**")
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/live/*")
    expect(page.locator("#results-tab")).to_contain_text(f"{HOSTS} from {HOSTS} hosts")
    page.locator("#results thead button", has_text="hostname").click()
    expect(page.locator("#results th[aria-sort=ascending]")).to_have_text("hostname")
    names = [row[1] for row in cells(page)]
    assert names == sorted(names, key=str.lower)
    page.get_by_label("Filter hostname").fill(names[0])
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page.locator("#results [data-count]")).to_have_text(f"1 of {HOSTS} rows")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-said]")).to_contain_text("Stopped")
    assert urlsplit(page.url).path.startswith("/live/")


def test_a_run_needs_somebody_to_ask_and_says_so(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/queries/new/live")
    write_sql(page, "SELECT 'kept' AS text")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("main")).to_contain_text("Choose whom to ask")
    expect(page.locator("#f-query")).to_have_value("SELECT 'kept' AS text")


def test_a_page_whose_ticket_is_refused_fetches_one_new_ticket_and_no_more(
    site: Site, page: Page, puppets: list[Puppet]
) -> None:
    tickets: list[str] = []

    def refuse(socket: WebSocketRoute) -> None:
        def hear(message: str | bytes) -> None:
            said = json.loads(message)
            if said["type"] == "auth":
                tickets.append(said["data"]["token"])
                socket.send(json.dumps({"type": "error", "data": "unauthorized"}))
                socket.close(code=1000)

        socket.on_message(hear)

    page.route_web_socket("**/results/websocket", refuse)
    page.goto(f"{site.url}/queries/new/live?host_ids={puppets[0].id}")
    write_sql(page, SQL)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("[data-notice]")).to_contain_text("The server says: unauthorized")
    expect(page.locator("[data-said]")).to_have_text("Not connected")
    page.wait_for_timeout(500)
    assert len(tickets) == 2 and all(tickets)
