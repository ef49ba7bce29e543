"""The pages of packs, as people see them."""

import re

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.labels.models import ALL_HOSTS
from fleet.packs import reach
from fleet.packs.models import Pack, PackTarget, ScheduledQuery, TargetType
from tests import factories
from tests.factories import csrf_token, submit
from tests.queries.test_pages import HOSTILE, HTMX, names, page, signed_in


def test_an_empty_list_says_what_a_pack_is(browser: FlaskClient) -> None:
    html = page(browser, "/packs/manage")
    assert "No packs yet" in html and 'href="/packs/new"' in html


def test_a_pack_is_made_aimed_and_filled(browser: FlaskClient, session: Session) -> None:
    host = factories.make_host(session, hostname="orion", primary_ip="10.0.0.9")
    label = factories.make_label(session, "Laptops", hosts=[factories.make_host(session)])
    query = factories.make_query(session, "Uptime")
    session.commit()
    form = {"name": "Baseline", "description": "d", "label_ids": str(label.id), "host_ids": str(host.id)}
    made = submit(browser, "/packs/new", form)
    assert made.status_code == 303
    pack = session.scalars(select(Pack)).one()
    html = page(browser, f"/packs/{pack.id}")
    assert "2 hosts get this pack" in html and "No queries in this pack" in html and "orion" in html
    entry = {"query_id": str(query.id), "frequency": "3600", "logging": "differential", "platforms": "linux"}
    assert submit(browser, f"/packs/{pack.id}/queries/new", entry).status_code == 303
    session.commit()
    stored = session.scalars(select(ScheduledQuery)).one()
    assert (stored.name, stored.interval, stored.snapshot, stored.removed) == ("Uptime", 3600, False, True)
    assert (stored.platform, stored.shard) == ("linux", None)
    listed = page(browser, "/packs/manage")
    assert names(listed) == ["Baseline"]
    assert re.findall(r'<td class="num">([\d,]+)</td>', listed) == ["1", "2"]
    assert browser.get(f"/packs/{pack.id}/edit").location == f"/packs/{pack.id}"


def test_an_entry_is_changed_and_removed(browser: FlaskClient, session: Session) -> None:
    query, other, pack = (
        factories.make_query(session),
        factories.make_query(session, "Other"),
        factories.make_pack(session),
    )
    entry = ScheduledQuery(
        pack_id=pack.id, query_id=query.id, name="E", name_key="e", interval=60, snapshot=True, shard=10, version="5.0"
    )
    session.add(entry)
    session.commit()
    path = f"/packs/{pack.id}/queries/{entry.id}"
    assert 'value="10"' in page(browser, path)
    form = {
        "query_id": str(other.id), "frequency": "custom", "interval": "77", "logging": "differential_ignore_removals",
    }  # fmt: skip
    assert submit(browser, path, form).status_code == 303
    session.refresh(entry)
    assert (entry.query_id, entry.interval, entry.snapshot, entry.removed) == (other.id, 77, False, False)
    assert (entry.shard, entry.version, entry.platform) == (None, "", "")
    assert "The saved query stays" in page(browser, path + "/delete")
    elsewhere = factories.make_pack(session)
    session.commit()
    assert browser.get(f"/packs/{elsewhere.id}/queries/{entry.id}").status_code == 404
    assert submit(browser, path + "/delete", {}).status_code == 303
    assert session.scalars(select(ScheduledQuery.id)).all() == []


def test_packs_are_found_by_name(browser: FlaskClient, session: Session) -> None:
    for name in ("Baseline", "Servers", "Old servers"):
        factories.make_pack(session, name)
    session.commit()
    assert names(page(browser, "/packs/manage")) == ["Baseline", "Old servers", "Servers"]
    assert names(page(browser, "/packs/manage?query=SERV")) == ["Old servers", "Servers"]
    assert "No pack matches" in page(browser, "/packs/manage?query=%25")


def test_what_the_form_of_a_pack_does_not_show_stays(browser: FlaskClient, session: Session) -> None:
    pack = factories.make_pack(session, "P", platform="linux", disabled=True)
    session.commit()
    looked = submit(browser, f"/packs/{pack.id}", {"name": "Changed", "action": "find", "host_query": "x"})
    assert looked.status_code == 200 and 'value="Changed"' in looked.text
    session.refresh(pack)
    assert pack.name == "P", "to look for hosts is not to save"
    session.commit()
    assert submit(browser, f"/packs/{pack.id}", {"name": "Changed"}).status_code == 303
    session.refresh(pack)
    assert (pack.name, pack.platform, pack.disabled) == ("Changed", "linux", True)


def test_an_entry_runs_global_saved_queries_and_one_without_switches_is_differential(
    browser: FlaskClient, session: Session
) -> None:
    query, pack = factories.make_query(session, "For all"), factories.make_pack(session)
    factories.make_query(session, "Of a team", team_id=factories.make_team(session).id)
    factories.make_query(session, "Asked once", saved=False)
    entry = ScheduledQuery(pack_id=pack.id, query_id=query.id, name="E", name_key="e", interval=60)
    session.add(entry)
    session.commit()
    html = page(browser, f"/packs/{pack.id}/queries/{entry.id}")
    assert "For all" in html and "Of a team" not in html and "Asked once" not in html
    assert '<option value="differential" selected>' in html


def test_a_refused_entry_names_each_field(browser: FlaskClient, session: Session) -> None:
    factories.make_query(session)
    pack = factories.make_pack(session)
    session.commit()
    form = {"query_id": "", "frequency": "custom", "interval": "0", "shard": "101", "logging": "loud"}
    refused = submit(browser, f"/packs/{pack.id}/queries/new", form)
    assert refused.status_code == 422
    for field in ("query_id", "interval", "shard", "logging"):
        assert f'id="f-{field}-error"' in refused.get_data(as_text=True)
    for wrong in (
        {"query_id": "999"},
        {"query_id": "²"},
        {"interval": "²"},
        {"interval": "9" * 30},
        {"version": "x" * 300},
    ):
        good = {"query_id": "1", "frequency": "custom", "interval": "60", "logging": "snapshot"}
        assert submit(browser, f"/packs/{pack.id}/queries/new", good | wrong).status_code == 422
    gone = submit(browser, f"/packs/{pack.id}/queries/new", good | {"query_id": "999"}).get_data(as_text=True)
    assert 'id="f-query_id-error"' in gone and "choose another" in gone
    assert session.scalars(select(ScheduledQuery.id)).all() == []


def test_hosts_are_found_without_losing_what_is_ticked(browser: FlaskClient, session: Session) -> None:
    hosts = [factories.make_host(session, hostname=f"web-{number:02}") for number in range(20)]
    target = factories.make_host(session, hostname="zebra")
    session.commit()
    assert "zebra" not in page(browser, "/packs/new")
    form = {"name": "P", "action": "find", "host_query": "ZEB", "host_ids": str(hosts[3].id), "label_ids": "7"}
    found = submit(browser, "/packs/new", form).get_data(as_text=True)
    assert f'id="f-host-{target.id}"' in found
    assert re.search(rf'id="f-host-{hosts[3].id}"[^>]* checked', found)
    assert re.search(r'id="f-label-7"[^>]* checked', found)
    data = form | {"csrf_token": csrf_token(browser, "/packs/new")}
    part = browser.post("/_/packs/targets", data=data, headers=HTMX).get_data(as_text=True)
    assert "1 host gets this pack" in part and "<html" not in part
    assert session.scalars(select(Pack.id)).all() == []


def test_a_pack_reaches_the_hosts_of_any_of_its_targets_once(session: Session) -> None:
    team = factories.make_team(session)
    hosts = [factories.make_host(session, team_id=team.id if number == 2 else None) for number in range(4)]
    label = factories.make_label(session, hosts=hosts[:2])
    pack, empty = factories.make_pack(session), factories.make_pack(session)
    aims = [(TargetType.LABEL, label.id), (TargetType.HOST, hosts[0].id), (TargetType.HOST, 999)]
    for kind, target in [*aims, (TargetType.TEAM, team.id)]:
        session.add(PackTarget(pack_id=pack.id, type=kind, target_id=target))
    session.flush()
    assert reach.host_counts(session, [pack.id, empty.id]) == {pack.id: 3}
    aim = reach.Aim(label_ids=[label.id], host_ids=[hosts[0].id, 999], team_ids=[team.id])
    assert reach.count(session, aim) == 3
    assert reach.count(session, reach.Aim()) == 0
    assert reach.count(session, reach.Aim(label_ids=[ALL_HOSTS])) == 4


def test_a_refused_pack_keeps_what_was_typed(browser: FlaskClient, session: Session) -> None:
    factories.make_pack(session, "Taken")
    session.commit()
    for form, status in (
        ({"name": " ", "description": "kept text"}, 422),
        ({"name": "TAKEN", "description": "kept text"}, 409),
        ({"name": "x" * 256, "description": "kept text"}, 422),
        ({"name": "a\x00", "description": "kept text"}, 422),
    ):
        refused = submit(browser, "/packs/new", form)
        assert refused.status_code == status
        assert 'id="f-name-error"' in refused.get_data(as_text=True) and "kept text" in refused.get_data(as_text=True)
    odd = submit(browser, "/packs/new", {"name": "Odd", "host_ids": ["x", "-1", "9" * 30, "5", "5"]})
    assert odd.status_code == 303
    assert session.scalars(select(PackTarget.target_id)).all() == [5]


def test_packs_are_switched_and_deleted(browser: FlaskClient, session: Session) -> None:
    pack = factories.make_pack(session, "Baseline")
    session.commit()
    path = f"/packs/{pack.id}"
    assert submit(browser, path + "/state", {"disabled": "true"}, page="/packs/manage").status_code == 303
    session.refresh(pack)
    assert pack.disabled and "Disabled" in page(browser, "/packs/manage")
    assert "The saved queries stay" in page(browser, path + "/delete")
    assert submit(browser, path + "/delete", {}).status_code == 303
    assert browser.get(path).status_code == 404


def test_hostile_names_are_text(browser: FlaskClient, session: Session) -> None:
    query = factories.make_query(session, HOSTILE)
    pack = factories.make_pack(session, HOSTILE, description=HOSTILE)
    label = factories.make_label(session, HOSTILE, hosts=[factories.make_host(session, hostname=HOSTILE)])
    entry = ScheduledQuery(
        pack_id=pack.id, query_id=query.id, name=HOSTILE, name_key="x", interval=60, platform=HOSTILE, version=HOSTILE
    )
    session.add_all([entry, PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=label.id)])
    session.commit()
    own = f"/packs/{pack.id}"
    for path in ("/packs/manage", own, own + "/delete", own + "/queries/new", f"{own}/queries/{entry.id}",
                 f"{own}/queries/{entry.id}/delete"):  # fmt: skip
        html = page(browser, path)
        assert "<script>alert" not in html and "<img src=x" not in html
        assert "alert(&#39;x&#39;)" in html


def test_only_those_who_apply_see_packs(app: Flask, session: Session) -> None:
    pack = factories.make_pack(session)
    observer = signed_in(app, session, global_role="observer")
    for path in ("/packs/manage", "/packs/new", f"/packs/{pack.id}", f"/packs/{pack.id}/queries/new"):
        assert observer.get(path).status_code == 403
    maintainer = signed_in(app, session, global_role="maintainer")
    assert "New pack" in page(maintainer, "/packs/manage")
