"""What people see of labels."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.labels import pages
from fleet.labels.models import Label
from fleet.packs.models import PackTarget, TargetType
from tests import factories
from tests.factories import submit


def test_the_list_shows_every_label_with_its_hosts(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Big disks", description="Room enough", hosts=[factories.make_host(session)])
    session.commit()
    page = browser.get("/labels/manage").text
    assert "9 labels" in page and "Room enough" in page and "Built in" in page
    assert f'href="/hosts/manage/labels/{label.id}" aria-label="1 host in Big disks"' in page
    found = browser.get("/labels/manage?query=DISK").text
    assert "1 label" in found and "Big disks" in found and ">All Hosts<" not in found
    assert "No label matches" in browser.get("/labels/manage?query=nothing+like+it").text
    assert browser.get("/labels").headers["Location"] == "/labels/manage"


def test_a_label_tells_what_it_means(browser: FlaskClient, session: Session) -> None:
    manual = factories.make_label(
        session, "Chosen", query="", label_membership_type=1, hosts=[factories.make_host(session, hostname="orion")]
    )
    session.commit()
    builtin = browser.get("/labels/7").text
    assert "select 1 from os_version where platform = &#39;darwin&#39;;" in builtin
    assert "Built-in labels cannot be changed" in builtin
    page = browser.get(f"/labels/{manual.id}").text
    assert "Chosen by hand" in page and "orion" in page
    assert browser.get("/labels/999").status_code == 404
    assert browser.get("/hosts/manage/labels/999").status_code == 404


def test_labels_have_a_place_in_the_rail_and_are_marked_there(browser: FlaskClient) -> None:
    for path, marked in (("/labels/manage", "Labels"), ("/labels/6", "Labels"), ("/hosts/manage/labels/6", "Hosts")):
        rail = browser.get(path).get_data(as_text=True).partition("<main")[0]
        items = re.findall(r'<a class="rail-item"[^>]*aria-current="page".*?<span>([^<]*)</span>', rail)
        assert items == [marked]


def test_the_page_of_a_manual_label_lists_so_many_hosts_and_leads_to_all(
    browser: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = [factories.make_host(session, hostname=f"chosen-{number}") for number in range(3)]
    label = factories.make_label(session, "Chosen", label_membership_type=1, hosts=hosts)
    session.commit()
    everybody = browser.get(f"/labels/{label.id}").text
    assert "chosen-2" in everybody and "All 3 hosts" not in everybody
    monkeypatch.setattr(pages, "LISTED", 2)
    some = browser.get(f"/labels/{label.id}").text
    assert "chosen-1" in some and "chosen-2" not in some and "All 3 hosts" in some


def test_a_search_keeps_the_order_of_the_list(browser: FlaskClient) -> None:
    form = r'<input type="hidden" form="filters" name="([^"]+)" value="([^"]+)">'
    assert re.findall(form, browser.get("/labels/manage?query=o&page=0").text) == []
    found = browser.get("/labels/manage?query=o&order_key=name&order_direction=desc&per_page=50").text
    assert re.findall(form, found) == [("order_key", "name"), ("order_direction", "desc"), ("per_page", "50")]


def test_labels_beside_the_hosts_are_sought_by_name_and_the_hosts_stay(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Big disks", hosts=[factories.make_host(session, hostname="orion")])
    factories.make_host(session, hostname="lyra")
    session.commit()
    page = browser.get("/hosts/manage?status=online&label_query=DISK").text
    side = page.partition('<nav id="labels"')[2].partition("</nav>")[0]
    found = [f"/hosts/manage/labels/{label.id}?status=online&amp;label_query=DISK", "/labels/manage", "/labels/new"]
    assert re.findall(r'href="([^"]+)"', side) == found
    assert ">orion<" in page and ">lyra<" in page
    assert page.count("data-search") == 1, "the key / is for the hosts"
    assert "label_query" not in re.findall(r'href="(/hosts/manage.csv[^"]*)"', page)[0]
    part = browser.get("/hosts/manage?label_query=no", headers={"HX-Request": "true", "HX-Target": "results"}).text
    assert '<nav id="labels" aria-label="Hosts by label" hx-swap-oob="true">' in part and "No label has “no”" in part
    assert browser.get("/hosts/manage?label_query=%20a%00").location == "/hosts/manage?label_query=a"


FORM = {"name": "Big disks", "description": "Room\r\nenough", "platform": "darwin", "query": "SELECT 1\r\nFROM mounts"}
EVERY_FIELD = ("name", "description", "platform", "query")


def own_labels(session: Session) -> list[str]:
    session.rollback()  # to see what others have stored since
    found = session.scalars(select(Label).where(Label.label_type == 0).order_by(Label.id)).all()
    return [label.name for label in found]


def stamp(html: str) -> str:
    found = re.search(r'name="updated_at" value="([^"]+)"', html)
    assert found
    return found.group(1)


def signed_in(app: Flask, session: Session, **roles: object) -> FlaskClient:
    factories.make_organization(session)
    user = factories.make_user(session, **roles)  # type: ignore[arg-type]
    client = app.test_client()
    client.set_cookie("fleet_session", factories.sign_in(session, user))
    session.commit()
    return client


def test_a_label_is_made_and_shown(browser: FlaskClient, session: Session) -> None:
    form = browser.get("/labels/new").text
    assert "SELECT 1 FROM os_version" in form and 'id="schema"' in form and "fleetctl apply" in form
    made = submit(browser, "/labels/new", FORM)
    assert made.status_code == 303
    label = session.scalars(select(Label).where(Label.label_type == 0)).one()
    assert made.location == f"/labels/{label.id}"
    assert (label.name, label.description, label.platform) == ("Big disks", "Room\nenough", "darwin")
    assert (label.query, label.label_membership_type) == ("SELECT 1\nFROM mounts", 0)
    html = browser.get(made.location).text
    assert "Label created" in html and "SELECT 1\nFROM mounts" in html and "macOS" in html


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "  "}, ["name"]),
        ({"name": "x" * 256}, ["name"]),
        ({"name": "ﷺ" * 100}, ["name"]),  # is longer than the column in the form in which names are compared
        ({"name": "a\x00b"}, ["name"]),
        ({"description": "x" * 65_536}, ["description"]),
        ({"description": "\x00"}, ["description"]),
        ({"query": " "}, ["query"]),
        ({"query": "SELEC 1"}, ["query"]),
        ({"query": "SELECT '" + "x" * 65_536 + "'"}, ["query"]),
        ({"query": "SELECT '\x00'"}, ["query"]),
        ({"platform": "amiga"}, ["platform"]),
        ({"name": "", "query": "SELECT FROM", "platform": "amiga"}, ["name", "query", "platform"]),
    ],
)
def test_a_refused_form_says_why_at_the_field_and_loses_nothing(
    browser: FlaskClient, session: Session, wrong: dict[str, str], fields: list[str]
) -> None:
    sent = FORM | wrong
    refused = submit(browser, "/labels/new", sent)
    assert refused.status_code == 422
    assert [name for name in EVERY_FIELD if f'id="f-{name}-error"' in refused.text] == sorted(
        fields, key=EVERY_FIELD.index
    )
    assert all(str(escape(text.replace("\r\n", "\n"))) in refused.text for text in sent.values())
    assert f'<option value="{sent["platform"]}" selected>' in refused.text
    assert own_labels(session) == []


def test_a_name_that_is_taken_in_any_case_is_refused(browser: FlaskClient, session: Session) -> None:
    other = factories.make_label(session, "Big disks")
    session.commit()
    for name in ("BIG DISKS", "big disks ", "all hosts"):
        refused = submit(browser, "/labels/new", FORM | {"name": name})
        assert refused.status_code == 409
        assert f"There is a label of the name {name} already" in refused.text
        assert 'id="f-name-error"' in refused.text and "SELECT 1\nFROM mounts" in refused.text
    path = f"/labels/{other.id}/edit"
    opened = stamp(browser.get(path).text)
    taken = submit(browser, path, {"name": "MACOS", "description": "kept", "updated_at": opened})
    assert taken.status_code == 409 and "kept" in taken.text
    assert own_labels(session) == ["Big disks"]


def test_name_and_description_change_and_nothing_else_does(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Old", description="x", query="SELECT 5", platform="ubuntu")
    session.commit()
    path = f"/labels/{label.id}/edit"
    html = browser.get(path).text
    assert "SELECT 5" in html and "Ubuntu" in html and "SQL and platform cannot be changed" in html
    assert 'name="query"' not in html and 'name="platform"' not in html
    sent = {"name": "New", "description": "", "query": "SELECT 6", "platform": "", "updated_at": stamp(html)}
    assert submit(browser, path, sent).location == f"/labels/{label.id}"
    session.refresh(label)
    assert (label.name, label.name_key, label.description) == ("New", "new", "")
    assert (label.query, label.platform) == ("SELECT 5", "ubuntu")


def test_a_refused_change_says_why_and_loses_nothing(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Old")
    session.commit()
    path = f"/labels/{label.id}/edit"
    opened = stamp(browser.get(path).text)
    for wrong in ({"name": " "}, {"name": "x" * 256}, {"name": "\x00"}, {"description": "x" * 65_536}):
        refused = submit(browser, path, {"name": "New", "description": "d", "updated_at": opened} | wrong)
        [[field, text]] = wrong.items()
        assert refused.status_code == 422 and f'id="f-{field}-error"' in refused.text
        assert text in refused.text and stamp(refused.text) == opened
    assert own_labels(session) == ["Old"]


def test_a_change_of_another_hand_is_shown_before_it_is_overwritten(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Disks", description="first")
    session.commit()
    path = f"/labels/{label.id}/edit"
    opened = stamp(browser.get(path).text)
    label.description = "theirs"
    session.commit()
    form = {"name": "Disks", "description": "mine", "updated_at": opened}
    conflict = submit(browser, path, form)
    assert conflict.status_code == 409
    assert "<del>theirs</del>" in conflict.text and "<ins>mine</ins>" in conflict.text
    assert submit(browser, path, form | {"updated_at": stamp(conflict.text)}).status_code == 303
    session.refresh(label)
    assert label.description == "mine"


def test_a_label_of_chosen_hosts_is_renamed_and_deleted_and_keeps_its_hosts(
    browser: FlaskClient, session: Session
) -> None:
    host = factories.make_host(session)
    label = factories.make_label(session, "Chosen", query="", label_membership_type=1, hosts=[host])
    session.commit()
    path = f"/labels/{label.id}"
    html = browser.get(f"{path}/edit").text
    assert "chosen by hand" in html and "Duplicate" not in browser.get(path).text
    assert browser.get(f"{path}/duplicate").location == path
    renamed = {"name": "Picked", "description": "", "updated_at": stamp(html)}
    assert submit(browser, f"{path}/edit", renamed).status_code == 303
    html = browser.get(path).text
    assert "Picked" in html and "1 host" in html
    assert submit(browser, f"{path}/delete", {}, page=path).status_code == 303
    assert own_labels(session) == []


def test_a_built_in_label_says_that_it_cannot_be_changed_and_is_not(browser: FlaskClient, session: Session) -> None:
    html = browser.get("/labels/7").text
    assert "Built-in labels cannot be changed" in html
    assert "/labels/7/edit" not in html and "/labels/7/delete" not in html
    for path in ("/labels/7/edit", "/labels/7/delete"):
        assert browser.get(path).location == "/labels/7"
        refused = submit(browser, path, {"name": "Mine", "updated_at": "x"}, page="/labels/new")
        assert refused.status_code == 422 and "cannot modify built-in label" in refused.text
    macos = session.get(Label, 7)
    assert macos is not None and macos.name == "macOS"


def test_a_label_is_duplicated_as_a_new_one(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Debians", description="d", query="SELECT 7", platform="debian")
    session.commit()
    html = browser.get(f"/labels/{label.id}/duplicate").text
    assert 'value="Copy of Debians"' in html and "SELECT 7" in html and 'action="/labels/new"' in html
    assert '<option value="debian" selected>debian</option>' in html
    assert "select 1 from os_version" in browser.get("/labels/7/duplicate").text
    assert browser.get("/labels/999/duplicate").status_code == 404
    sent = {"name": "Copy of Debians", "query": "SELECT 7", "platform": "debian"}
    assert submit(browser, "/labels/new", sent).status_code == 303


def test_deleting_asks_first_and_says_what_happens(browser: FlaskClient, session: Session) -> None:
    hosts = [factories.make_host(session) for _ in range(2)]
    label = factories.make_label(session, "Big disks", hosts=hosts)
    pack = factories.make_pack(session, "Baseline")
    session.add(PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=label.id))
    other = factories.make_pack(session, "Elsewhere")
    session.add(PackTarget(pack_id=other.id, type=TargetType.HOST, target_id=label.id))
    session.commit()
    path = f"/labels/{label.id}/delete"
    asked = browser.get(path).text
    for text in ("Big disks", "2 hosts stay", "A pack is aimed at it: Baseline"):
        assert text in asked
    assert "Elsewhere" not in asked and own_labels(session) == ["Big disks"]
    dialog = browser.get(path, headers={"HX-Request": "true", "HX-Target": "dlg"}).text
    assert "<html" not in dialog and 'id="dialog"' in dialog
    deleted = submit(browser, path, {"back": "/labels/manage?page=1"})
    assert (deleted.status_code, deleted.location) == (303, "/labels/manage?page=1")
    assert own_labels(session) == []
    assert [target.pack_id for target in session.scalars(select(PackTarget))] == [other.id]
    assert browser.get(path).status_code == 404
    assert submit(browser, path, {}, page="/labels/new").status_code == 404


def test_deleting_leads_nowhere_but_to_this_server(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session)
    session.commit()
    sent = submit(browser, f"/labels/{label.id}/delete", {"back": "//elsewhere.example"}, page="/labels/new")
    assert sent.location == "/labels/manage"


def test_only_those_who_may_write_labels_find_and_use_the_forms(app: Flask, session: Session) -> None:
    label = factories.make_label(session, "Big disks")
    team = factories.make_team(session)
    session.commit()
    paths = ("/labels/new", f"/labels/{label.id}/edit", f"/labels/{label.id}/delete")
    lists = ("/labels/manage", f"/labels/{label.id}", f"/hosts/manage/labels/{label.id}")
    links = re.compile(r'href="(/labels/new|/labels/\d+/(?:edit|delete|duplicate))(?:"|\?back=/)')
    for roles in ({"global_role": "observer"}, {"global_role": "observer_plus"}, {"team_roles": {team.id: "admin"}}):
        client = signed_in(app, session, **roles)
        for path in paths:
            assert client.get(path).status_code == 403
            assert submit(client, path, FORM, page="/profile").status_code == 403
        for path in lists:
            assert links.findall(client.get(path).text) == []
        assert client.get(f"/labels/{label.id}/duplicate").status_code == 403
    maintainer = signed_in(app, session, global_role="maintainer")
    assert set(links.findall(maintainer.get(lists[0]).text)) == set(paths)
    assert set(links.findall(maintainer.get(lists[1]).text)) == {*paths[1:], f"/labels/{label.id}/duplicate"}
    assert links.findall(maintainer.get(lists[2]).text) == ["/labels/new"]
    assert submit(maintainer, "/labels/new", FORM | {"name": "Mine"}).status_code == 303
    assert own_labels(session) == ["Big disks", "Mine"]


def test_no_form_is_taken_without_its_token(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Big disks")
    session.commit()
    for path in ("/labels/new", f"/labels/{label.id}/edit", f"/labels/{label.id}/delete"):
        assert browser.post(path, data=FORM).status_code == 403
    assert own_labels(session) == ["Big disks"]


def test_without_own_labels_the_list_says_what_they_are_for(browser: FlaskClient, session: Session) -> None:
    assert "No labels of your own yet" in browser.get("/labels/manage").text
    assert "No labels of your own yet" not in browser.get("/labels/manage?query=mac").text
    factories.make_label(session)
    session.commit()
    assert "No labels of your own yet" not in browser.get("/labels/manage").text


def test_the_list_is_found_again_as_it_was_left(browser: FlaskClient, session: Session) -> None:
    label = factories.make_label(session, "Big disks")
    session.commit()
    back = "back=/labels/manage?query%3Ddisk%26order_key%3Dname%26order_direction%3Ddesc"
    html = browser.get("/labels/manage?query=disk&order_key=name&order_direction=desc").text
    assert f'href="/labels/{label.id}?{back}"' in html
    shown = browser.get(f"/labels/{label.id}?{back}").text
    left = "/labels/manage?query=disk&amp;order_key=name&amp;order_direction=desc"
    assert f'class="back" href="{left}"' in shown and f'href="/labels/{label.id}/edit?{back}"' in shown
    form = browser.get(f"/labels/{label.id}/edit?{back}").text
    sent = {"name": "Big disks", "updated_at": stamp(form)}
    saved = submit(browser, f"/labels/{label.id}/edit?{back}", sent)
    assert saved.location == f"/labels/{label.id}?{back}"


def test_hostile_text_is_shown_as_text(browser: FlaskClient, session: Session) -> None:
    hostile = "</textarea><script>alert('x')</script>\"><img src=x onerror=alert(1)>"
    label = factories.make_label(
        session, hostile, description=hostile, query=f"SELECT 1 -- {hostile}", platform=hostile
    )
    pack = factories.make_pack(session, hostile)
    session.add(PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=label.id))
    session.commit()
    path = f"/labels/{label.id}"
    paths = ("/labels/manage", path, f"{path}/edit", f"{path}/delete", f"{path}/duplicate", f"{path}?back={hostile}")
    pages = [browser.get(path).text for path in paths]
    pages.append(submit(browser, f"{path}/edit", {"name": "x", "description": f"{hostile} {hostile}"}).text)
    for html in pages:
        assert "<script>alert" not in html and "<img src=x" not in html
        assert "alert(&#39;x&#39;)" in html
