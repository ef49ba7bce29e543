"""The rules that fit no row of the table: which hosts are seen, and who runs a saved query."""

from itertools import product

import pytest

from fleet.authz.check import Actor, Thing, can, can_run, visible_teams
from fleet.authz.policy import ROLES

READERS = {"admin", "maintainer", "observer_plus", "observer"}
ASKERS = {"admin", "maintainer", "observer_plus"}


def actor(role: str | None = None, **teams: str) -> Actor:
    """Somebody with a global role, or with roles in teams: `team1="observer"`."""
    return Actor(1, "", "", global_role=role, team_roles={int(team[4:]): role for team, role in teams.items()})


@pytest.mark.parametrize("role", ROLES)
def test_a_global_role_that_reads_sees_every_host(role: str) -> None:
    seen = visible_teams(actor(role))
    assert seen.everything is (role in READERS)
    assert seen.team(None) is seen.team(7) is (role in READERS)
    assert visible_teams(actor(role), observers=False).everything is (role in ASKERS)


def test_a_team_role_sees_the_hosts_of_its_teams_and_none_without_a_team() -> None:
    seen = visible_teams(actor(team1="observer", team2="gitops", team3="admin"))
    assert [seen.team(team) for team in (None, 1, 2, 3, 4)] == [False, True, False, True, False]
    asked = visible_teams(actor(team1="observer", team2="gitops", team3="admin"), observers=False)
    assert asked.team_ids == {3}


@pytest.mark.parametrize(("role", "observers"), list(product(ROLES, (True, False))))
def test_a_global_role_runs_saved_queries(role: str, observers: bool) -> None:
    for query_team, targets in product((None, 1), (None, [], [1, 2])):
        allowed = can_run(actor(role), observer_can_run=observers, query_team_id=query_team, target_teams=targets)
        assert allowed is (role in ASKERS or (role == "observer" and observers))


@pytest.mark.parametrize(
    ("observers", "query_team", "targets", "allowed"),
    [
        (False, None, None, True),
        (False, None, [1], True),
        (False, 1, [1], True),
        (False, 2, None, False),
        (False, None, [2], False),
        (False, None, [1, 2], False),
        (True, None, [2], True),
        (True, 2, [1, 2], True),
        (True, 3, [1], False),
        (True, None, [3], False),
    ],
)
def test_team_roles_must_fit_the_query_and_every_target(
    observers: bool, query_team: int | None, targets: list[int] | None, allowed: bool
) -> None:
    somebody = actor(team1="maintainer", team2="observer", team3="gitops")
    assert can_run(somebody, observer_can_run=observers, query_team_id=query_team, target_teams=targets) is allowed


def test_an_empty_list_of_teams_lets_no_plain_observer_pass() -> None:
    assert not can_run(actor(team1="observer"), observer_can_run=False, query_team_id=None, target_teams=[])


def test_a_user_is_oneself_by_row_and_by_thing() -> None:
    somebody = actor(team1="observer")
    assert can(somebody, "read", Thing("user", user_id=1))
    assert not can(somebody, "read", Thing("user", user_id=2))
    assert not can(somebody, "write_role", Thing("user", user_id=1))
