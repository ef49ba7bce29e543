"""Whom a selection holds."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from fleet import clock
from fleet.authz.check import Visible
from fleet.hosts.models import HostSeen
from fleet.labels.models import ALL_HOSTS, LabelMembership
from fleet.targets import service as targets
from fleet.targets.service import Selection, TargetCounts
from tests import factories

MAC, WINDOWS = 7, 10  # built-in labels
GONE = 999_999
EVERYTHING = Visible(everything=True)


@pytest.fixture
def fleet(session: Session) -> dict[str, int]:
    """Four hosts, two custom labels, two teams; gives their ids by name."""
    red, blue = factories.make_team(session), factories.make_team(session)
    hosts = {
        "mac-red": factories.make_host(session, team_id=red.id),
        "win-red": factories.make_host(session, team_id=red.id),
        "mac-blue": factories.make_host(session, team_id=blue.id),
        "win-none": factories.make_host(session),
    }
    for name, host in hosts.items():
        session.add(LabelMembership(host_id=host.id, label_id=MAC if name.startswith("mac") else WINDOWS))
    big = factories.make_label(session, hosts=[hosts["mac-red"], hosts["win-none"]])
    old = factories.make_label(session, hosts=[hosts["mac-blue"]])
    empty = factories.make_label(session)
    session.flush()
    return {
        **{name: host.id for name, host in hosts.items()},
        "red": red.id, "blue": blue.id, "big": big.id, "old": old.id, "empty": empty.id,
        "mac": MAC, "windows": WINDOWS, "all": ALL_HOSTS, "gone": GONE,
    }  # fmt: skip


ALL = ["mac-red", "win-red", "mac-blue", "win-none"]


@pytest.mark.parametrize(
    ("hosts", "labels", "teams", "expected"),
    [
        ([], [], [], []),
        (["win-red"], [], [], ["win-red"]),
        (["gone"], [], [], []),
        ([], ["all"], [], ALL),
        ([], ["all"], ["red"], ALL),
        ([], ["all", "empty"], [], ALL),
        ([], ["mac"], [], ["mac-red", "mac-blue"]),
        ([], ["mac", "windows"], [], ALL),
        ([], ["big"], [], ["mac-red", "win-none"]),
        ([], ["big", "old"], [], ["mac-red", "mac-blue", "win-none"]),
        ([], ["mac", "big"], [], ["mac-red"]),
        ([], ["mac", "big", "old"], [], ["mac-red", "mac-blue"]),
        ([], [], ["red"], ["mac-red", "win-red"]),
        ([], [], ["red", "blue"], ["mac-red", "win-red", "mac-blue"]),
        ([], ["mac"], ["red"], ["mac-red"]),
        ([], ["windows"], ["blue"], []),
        ([], ["big"], ["red", "blue"], ["mac-red"]),
        (["win-none"], ["mac"], ["red"], ["mac-red", "win-none"]),
        (["win-none", "win-none", "mac-red"], ["mac"], [], ["mac-red", "mac-blue", "win-none"]),
        ([], ["gone"], [], []),
        ([], ["gone"], ["red"], []),
        ([], [], ["gone"], []),
        ([], ["gone", "big"], [], ["mac-red", "win-none"]),
        ([], ["gone", "mac"], [], []),
        (["win-red"], ["gone"], [], ["win-red"]),
        ([], ["empty"], [], []),
    ],
)  # fmt: skip
def test_what_a_selection_holds(
    session: Session, fleet: dict[str, int], hosts: list[str], labels: list[str], teams: list[str], expected: list[str]
) -> None:
    selection = Selection(*([fleet[name] for name in names] for names in (hosts, labels, teams)))
    ids = sorted(fleet[name] for name in expected)
    assert targets.host_ids(session, selection, EVERYTHING) == ids
    assert targets.count(session, selection, EVERYTHING, clock.now()).total == len(ids)


def test_many_selections_are_counted_together_as_each_is_alone(
    session: Session, fleet: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "IN_ONE_PASS", 2)
    many = {
        Selection(label_ids=(fleet["mac"], fleet["big"])): 1,
        Selection(team_ids=(fleet["red"],)): 2,
        Selection(): 0,
        Selection(host_ids=(fleet["win-none"],), label_ids=(fleet["old"],)): 2,
        Selection(label_ids=(ALL_HOSTS,)): 4,
        Selection(label_ids=(GONE,)): 0,
    }
    assert targets.totals(session, list(many), EVERYTHING) == many
    of_red = Visible(team_ids=frozenset({fleet["red"]}))
    assert list(targets.totals(session, list(many), of_red).values()) == [1, 2, 0, 0, 2, 0]


def test_nobody_reaches_hosts_that_they_do_not_see(session: Session, fleet: dict[str, int]) -> None:
    everybody = Selection([fleet["win-none"], fleet["mac-blue"]], [ALL_HOSTS], [])
    of_red = Visible(team_ids=frozenset({fleet["red"]}))
    assert targets.host_ids(session, everybody, of_red) == sorted([fleet["mac-red"], fleet["win-red"]])
    assert targets.host_ids(session, everybody, Visible()) == []
    assert targets.count(session, everybody, Visible(), clock.now()) == TargetCounts()


def test_counts_say_who_is_online_offline_missing_and_new(session: Session) -> None:
    now = clock.now()
    factories.make_host(session, online=True)
    for ago in (timedelta(seconds=69), timedelta(seconds=71), timedelta(days=29), timedelta(days=31)):
        host = factories.make_host(session, created_at=now - timedelta(days=60))
        seen = session.get(HostSeen, host.id)
        assert seen
        seen.seen_at = now - ago
    session.flush()
    counts = targets.count(session, Selection(label_ids=[ALL_HOSTS]), EVERYTHING, now)
    assert counts == TargetCounts(total=5, online=2, offline=3, missing=1, new=1)


def test_more_hosts_than_a_statement_has_parameters_can_be_named(session: Session) -> None:
    host = factories.make_host(session)
    many = Selection(host_ids=[host.id, *range(1_000_000, 1_070_000)])
    assert targets.host_ids(session, many, EVERYTHING) == [host.id]


def test_names_are_found_in_any_letter_case_and_unknown_ones_passed_over(session: Session) -> None:
    host = factories.make_host(session, hostname="Web-1.Example")
    other = factories.make_host(session, hostname="web-1")
    label = factories.make_label(session, "Große Platten")
    found = targets.named(
        session, ["WEB-1.example", "", "web-1.exam", "web-1"], ["GROSSE platten", "", "macos", "nope"], EVERYTHING
    )
    assert sorted(found.host_ids) == [host.id, other.id]
    assert sorted(found.label_ids) == [MAC, label.id]
    assert targets.named(session, ["web-1"], [], Visible()).host_ids == []
    assert targets.named(session, [""], [""], EVERYTHING) == Selection([], [], ())
