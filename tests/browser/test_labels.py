"""A label from its form to the hosts in it, and back."""

import pytest
from playwright.sync_api import expect

from tests.browser.acts import write_sql
from tests.browser.conftest import Visit
from tests.browser.site import Puppet, Site
from tests.browser.watch import sideways


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_label_is_made_found_changed_and_deleted(site: Site, visit: Visit, theme: str) -> None:
    name = f"Named in the {theme}"
    page = visit(site, "/labels/manage", theme=theme)
    page.get_by_role("link", name="New label").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    write_sql(page, "SELEC 1")
    expect(page.locator("#sql-check")).to_contain_text("syntax error")
    page.get_by_role("button", name="Create label").click()
    expect(page.locator("#f-query-error")).to_contain_text("syntax error")
    expect(page.get_by_label("Name", exact=True)).to_have_value(name)
    write_sql(page, "SELECT 1 FROM osquery_info")
    page.get_by_role("button", name="Create label").click()
    expect(page.locator("h1")).to_have_text(name)
    path = page.url.removeprefix(site.url)

    puppet = Puppet(site, 40 if theme == "light" else 41)
    page.goto(f"{site.url}/labels/manage?query=Named+in")
    row = page.locator("#results tbody tr", has_text=name)
    expect(row.get_by_role("link", name=f"in {name}")).not_to_have_text("0")
    row.get_by_role("link", name=f"in {name}").click()
    expect(page.locator(".side [aria-current=page]")).to_contain_text(name)
    expect(page.locator("#results")).to_contain_text(puppet.name)
    page.get_by_role("link", name="About this label").click()

    page.get_by_role("link", name="Edit", exact=True).click()
    expect(page.locator("main")).to_contain_text("SQL and platform cannot be changed")
    page.get_by_label("Description").fill("Every host that answers")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Label saved")).to_be_visible()
    expect(page.locator(".page-head")).to_contain_text("Every host that answers")

    page.goto(f"{site.url}/labels/manage?query=Named+in")
    page.get_by_role("link", name=f"Delete {name}").click()
    dialog = page.locator("#dlg")
    expect(dialog).to_contain_text(name)
    expect(dialog).to_contain_text("No pack is aimed at it")
    dialog.get_by_role("button", name="Delete label").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#results")).not_to_contain_text(name)
    assert "query=Named" in page.url
    answer = page.goto(site.url + path)
    assert answer is not None and answer.status == 404


def test_the_forms_of_labels_fit_a_narrow_window(site: Site, visit: Visit) -> None:
    label = site.call("POST", "/labels", {"name": "Narrow", "query": "SELECT 1"})["label"]["id"]
    page = visit(site, width=390, height=800)
    for path in ("/labels/new", f"/labels/{label}", f"/labels/{label}/edit", f"/labels/{label}/delete"):
        page.goto(site.url + path)
        assert sideways(page) == ""
        expect(page.locator("h1")).to_have_count(1)
    page.get_by_role("button", name="Delete label").click()
    page.wait_for_url("**/labels/manage")


def test_a_label_is_made_and_deleted_without_script(site: Site, visit: Visit) -> None:
    page = visit(site, "/labels/new", script=False)
    page.get_by_label("Name", exact=True).fill("Plain label")
    page.get_by_label("SQL", exact=True).fill("SELECT FROM")
    page.get_by_role("button", name="Create label").click()
    expect(page.locator("#f-query-error")).to_contain_text("syntax error")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Plain label")
    page.get_by_label("SQL", exact=True).fill("SELECT 1")
    page.get_by_role("button", name="Create label").click()
    expect(page.locator("h1")).to_have_text("Plain label")
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete label").click()
    expect(page.locator("#results")).not_to_contain_text("Plain label")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_labels_are_sought_beside_the_hosts_and_the_list_stays_as_it_is(
    site: Site, visit: Visit, theme: str, width: int
) -> None:
    names = [f"Sought {number} in the {theme}" for number in range(2)]
    for name in names:
        site.call("POST", "/labels", {"name": name, "query": "SELECT 1"})
    page = visit(site, "/hosts/manage?order_key=uuid&order_direction=desc", theme=theme, width=width)
    side, links = page.locator(".side"), page.locator(".side li a")
    if width < 1100:
        side.locator("summary").click()
    box = side.get_by_role("searchbox", name="Search labels by name")
    before = page.locator("#results tbody th").all_inner_texts()
    box.press_sequentially(names[1].upper())
    expect(links).to_have_count(1)
    expect(links).to_contain_text(names[1])
    expect(box).to_be_focused()
    expect(box).to_have_value(names[1].upper())
    assert page.locator("#results tbody th").all_inner_texts() == before
    assert "order_key=uuid" in page.url and sideways(page) == ""
    page.reload()
    expect(box).to_have_value(names[1].upper())
    links.click()
    page.wait_for_url("**/hosts/manage/labels/**")
    expect(page.locator("#results .pill")).to_contain_text(names[1])
    assert "order_key=uuid" in page.url and "label_query=" in page.url
    box.fill("no label has this")
    expect(side.get_by_role("status")).to_have_text("No label has “no label has this” in its name.")
    expect(links).to_have_count(0)
    box.fill("")
    expect(links.filter(has_text="All Hosts")).to_have_count(1)
    page.wait_for_url(lambda url: "label_query" not in url)


def test_labels_are_sought_beside_the_hosts_without_script(site: Site, visit: Visit) -> None:
    label = site.call("POST", "/labels", {"name": "Sought plainly", "query": "SELECT 1"})["label"]["id"]
    page = visit(site, "/hosts/manage/labels/6?order_key=uuid&order_direction=desc", script=False, width=390)
    page.locator(".side summary").click()
    box = page.get_by_role("searchbox", name="Search labels by name")
    box.fill("plainly")
    page.locator(".side").get_by_role("button", name="Search").click()
    expect(box).to_have_value("plainly")
    links = page.locator(".side li a")
    expect(links).to_have_count(1)
    links.click()
    expect(page.locator(".side [aria-current=page]")).to_contain_text("Sought plainly")
    assert f"/hosts/manage/labels/{label}?" in page.url and "order_key=uuid" in page.url
