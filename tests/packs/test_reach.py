"""Whom packs reach: the same for a host that asks for its packs and for a page that counts hosts."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.hosts.models import Host
from fleet.packs import reach
from fleet.packs.models import Pack, PackTarget, TargetType
from tests import factories


def make_aimed(session: Session, name: str, aims: list[tuple[TargetType, int]], *, disabled: bool) -> int:
    pack = factories.make_pack(session, name, disabled=disabled)
    session.add_all(PackTarget(pack_id=pack.id, type=kind, target_id=target) for kind, target in aims)
    session.flush()
    return pack.id


def test_the_hosts_that_are_counted_are_those_that_are_sent_the_pack(session: Session) -> None:
    team = factories.make_team(session)
    hosts = [factories.make_host(session, team_id=team.id if number < 2 else None) for number in range(5)]
    label = factories.make_label(session, hosts=hosts[1:4])
    aims = {
        "label": [(TargetType.LABEL, label.id)],
        "host": [(TargetType.HOST, hosts[4].id), (TargetType.HOST, 999)],
        "team": [(TargetType.TEAM, team.id)],
        "all": [(TargetType.LABEL, label.id), (TargetType.HOST, hosts[4].id), (TargetType.TEAM, team.id)],
        "nothing": [],
    }
    packs = {
        (name, disabled): make_aimed(session, f"{name} {disabled}", aim, disabled=disabled)
        for name, aim in aims.items()
        for disabled in (False, True)
    }
    counts = reach.host_counts(session, list(packs.values()))
    sent = dict.fromkeys(packs.values(), 0)
    for host in session.scalars(select(Host)):
        for pack_id in session.scalars(select(Pack.id).where(reach.reaches(host.id, host.team_id))):
            sent[pack_id] += 1
    assert {pack_id: counts.get(pack_id, 0) for pack_id in sent} == sent
    assert [sent[packs[name, False]] for name in aims] == [3, 1, 2, 5, 0]
    assert [sent[packs[name, True]] for name in aims] == [0, 1, 2, 3, 0]


def test_an_aim_counts_as_its_pack_does_while_it_is_enabled(session: Session) -> None:
    hosts = [factories.make_host(session) for _ in range(3)]
    label = factories.make_label(session, hosts=hosts[:2])
    pack_id = make_aimed(session, "Enabled", [(TargetType.LABEL, label.id)], disabled=False)
    assert reach.count(session, reach.Aim(label_ids=[label.id])) == reach.host_counts(session, [pack_id])[pack_id] == 2


def test_deleting_a_disabled_pack_says_how_many_hosts_stop_running_it(browser: FlaskClient, session: Session) -> None:
    hosts = [factories.make_host(session) for _ in range(2)]
    label = factories.make_label(session, hosts=hosts)
    aims = [(TargetType.LABEL, label.id), (TargetType.HOST, hosts[0].id)]
    enabled, disabled = (make_aimed(session, f"Pack {off}", aims, disabled=off) for off in (False, True))
    session.commit()
    assert "2 hosts stop running them" in browser.get(f"/packs/{enabled}/delete").get_data(as_text=True)
    assert "1 host stops running them" in browser.get(f"/packs/{disabled}/delete").get_data(as_text=True)


def test_the_form_of_a_disabled_pack_says_whom_it_reaches_now_and_enabled(
    browser: FlaskClient, session: Session
) -> None:
    hosts = [factories.make_host(session) for _ in range(3)]
    label = factories.make_label(session, hosts=hosts)
    by_label, by_host = [(TargetType.LABEL, label.id)], [(TargetType.HOST, hosts[0].id)]
    enabled = make_aimed(session, "Enabled", by_label, disabled=False)
    off = make_aimed(session, "Off", by_label, disabled=True)
    named = make_aimed(session, "Named", by_label + by_host, disabled=True)
    session.commit()
    assert "3 hosts get this pack." in browser.get(f"/packs/{enabled}").text
    nobody = browser.get(f"/packs/{off}").text
    assert "No host gets this pack while it is disabled." in nobody and "Enabled, 3 hosts get it." in nobody
    assert "1 host gets this pack while it is disabled." in browser.get(f"/packs/{named}").text
    ticked = {"pack_id": str(off), "label_ids": str(label.id), "host_ids": str(hosts[1].id)}
    token = factories.csrf_token(browser, f"/packs/{off}")
    part = browser.post("/_/packs/targets", data=ticked | {"csrf_token": token}, headers={"HX-Request": "true"}).text
    assert "1 host gets this pack while it is disabled." in part and "Enabled, 3 hosts get it." in part
    factories.submit(browser, f"/packs/{off}/state", {"disabled": "false", "origin": "pack"}, page=f"/packs/{off}")
    assert "3 hosts get this pack." in browser.get(f"/packs/{off}").text


def test_a_pack_of_very_many_hosts_lists_some_and_keeps_all(
    browser: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "LISTED", 2)
    hosts = [factories.make_host(session).id for _ in range(5)]
    pack_id = make_aimed(session, "Many", [(TargetType.HOST, host_id) for host_id in hosts], disabled=False)
    session.commit()
    html = browser.get(f"/packs/{pack_id}").text
    assert "3 more chosen hosts are not listed here." in html
    boxes = re.findall(r'name="host_ids" value="(\d+)"( checked)?', html)
    assert sorted(int(value) for value, _ in boxes) == hosts
    form = {"name": "Many", "pack_id": str(pack_id), "host_ids": [value for value, _ in boxes]}
    assert factories.submit(browser, f"/packs/{pack_id}", form).status_code == 303
    stored = session.scalars(select(PackTarget.target_id).where(PackTarget.pack_id == pack_id)).all()
    assert sorted(stored) == hosts
