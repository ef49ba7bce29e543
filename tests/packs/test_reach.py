"""Whom packs reach: the same for a host that asks for its packs and for a page that counts hosts."""

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
