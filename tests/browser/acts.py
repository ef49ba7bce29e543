"""What several tests do in pages."""

import os

from playwright.sync_api import Page, expect


def seconds(wanted: float) -> float:
    """A limit that the product promises, on a machine that has this much else to do, in milliseconds."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return 1000 * wanted * max(1.0, busy)


def write_sql(page: Page, sql: str) -> None:
    """Put SQL into the editor in place of what stands there."""
    page.locator(".ace-fleet textarea").focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(sql)
    expect(page.locator("#f-query")).to_have_value(sql)


def cells(page: Page, panel: str = "#results") -> list[list[str]]:
    """The rows of a table of the run page, as text."""
    return [[cell.strip() for cell in row] for row in page.locator(f"{panel} tbody tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )]  # fmt: skip
