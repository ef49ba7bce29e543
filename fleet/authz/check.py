"""One function reads the table of who may do what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fleet.authz.policy import ASKERS, POLICY, READERS


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: a signed-in user, with a global role or with roles in teams."""

    user_id: int
    name: str
    email: str
    global_role: str | None = None
    team_roles: Mapping[int, str] = field(default_factory=dict)
    session_id: int = 0
    api_only: bool = False
    must_reset_password: bool = False
    until: datetime | None = None
    """When a browser is signed out, whatever is done until then."""


class Subject(Protocol):
    """Anything that permission is asked for: a row, a class of rows, or a `Thing`."""

    @property
    def authz_kind(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Thing:
    """A subject that is no row: its kind, and the team or user that it belongs to."""

    authz_kind: str
    team_id: int | None = None
    user_id: int | None = None


def can(actor: Actor | None, action: str, subject: Subject) -> bool:
    """Whether `actor` may do `action` to `subject`.

    `subject` is a row, a `Thing`, or a class when the kind knows no team: what matters is its `authz_kind`,
    and its `team_id` and owner where it has them. A pair that is not in the table is a bug: KeyError.
    """
    grant = POLICY[subject.authz_kind, action]
    if actor is None:
        return False
    team_id = None if isinstance(subject, type) else getattr(subject, "team_id", None)
    if grant.signed_in or actor.global_role in grant.globally:
        return True
    if team_id is not None and actor.team_roles.get(team_id) in grant.own_team:
        return True
    roles = set(actor.team_roles.values())
    if roles & grant.any_team or (team_id is None and roles & grant.any_team_if_global):
        return True
    return grant.oneself and _owner(subject) == actor.user_id


def _owner(subject: Subject) -> int | None:
    if isinstance(subject, type):
        return None
    if subject.authz_kind == "user":
        return getattr(subject, "user_id", None) or getattr(subject, "id", None)
    return getattr(subject, "user_id", None)


@dataclass(frozen=True, slots=True)
class Visible:
    """Which hosts and teams somebody sees: all, or those of some teams. Nobody but global roles sees hosts
    that are in no team."""

    everything: bool = False
    team_ids: frozenset[int] = frozenset()

    def team(self, team_id: int | None) -> bool:
        """Whether what belongs to this team (none: no team) is seen."""
        return self.everything or (team_id is not None and team_id in self.team_ids)


def visible_teams(actor: Actor, *, observers: bool = True) -> Visible:
    """Which hosts `actor` sees in lists; without `observers`, only those that they may question themselves
    (live queries that observers may not run)."""
    roles = READERS if observers else ASKERS
    if actor.global_role is not None:
        return Visible(everything=actor.global_role in roles)
    return Visible(team_ids=frozenset(team for team, role in actor.team_roles.items() if role in roles))


def can_run(
    actor: Actor, *, observer_can_run: bool, query_team_id: int | None, target_teams: Iterable[int] | None
) -> bool:
    """Whether `actor` may run a saved query against targets.

    The one rule that fits no row of the table, because it depends on the query's team, on whether observers
    may run it, and on each targeted team. `target_teams` none: no team was named.
    """
    roles = READERS if observer_can_run else ASKERS
    if actor.global_role is not None:
        return actor.global_role in roles
    fitting = {team for team, role in actor.team_roles.items() if role in roles}
    if not fitting or (query_team_id is not None and query_team_id not in fitting):
        return False
    return target_teams is None or set(target_teams) <= fitting
