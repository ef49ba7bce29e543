"""Targets on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from fleet.app_config.schemas import MASK, Features
from fleet.labels.models import Label
from fleet.labels.schemas import label_out
from fleet.shapes import Body, Id, Ids, Out
from fleet.targets.service import Selection, TargetCounts
from fleet.teams.models import EnrollSecret, Team
from fleet.teams.schemas import SecretOut, TeamIntegrations, TeamMdm, TeamWebhooks

MAX_NAMES = 5_000
"""Names that one request may list: each is a parameter of a statement."""

Names = Annotated[list[str], Field(max_length=MAX_NAMES)]


class Selected(Body):
    """Targets by their ids."""

    hosts: Ids = []
    labels: Ids = []
    teams: Ids | None = None

    def selection(self) -> Selection:
        """What the service takes."""
        return Selection(self.hosts, self.labels, self.teams or ())


class SelectedNames(Body):
    """Targets by their names."""

    hosts: Names = []
    labels: Names = []


class TargetSearch(Body):
    """What to look for, beside what is selected already; `query_id` is the saved query that shall run."""

    query: str = Field("", max_length=1000)
    query_id: Id | None = None
    selected: Selected = Selected()


def counts_out(counts: TargetCounts) -> dict[str, int]:
    """How many hosts are selected."""
    return {
        "targets_count": counts.total,
        "targets_online": counts.online,
        "targets_offline": counts.offline,
    }


def label_of_target(label: Label, count: int) -> dict[str, Any]:
    """A label to pick."""
    return {key: value for key, value in label_out(label, count).items() if key != "host_ids"}


class TeamOfTarget(Out):
    """A team to pick. What its enroll secrets are is none of the picker's business: they are masked for everybody."""

    id: int
    created_at: datetime
    name: str
    description: str
    agent_options: dict[str, Any] | None
    webhook_settings: TeamWebhooks = TeamWebhooks()
    integrations: TeamIntegrations = TeamIntegrations()
    features: dict[str, Any] = Field(default_factory=lambda: Features().shown())
    mdm: TeamMdm = TeamMdm()
    user_count: int
    host_count: int
    secrets: list[SecretOut]
    display_text: str
    count: int


def team_of_target(team: Team, secrets: Sequence[EnrollSecret], *, users: int, hosts: int) -> dict[str, Any]:
    """A team to pick, with how many hosts somebody sees in it."""
    shown = TeamOfTarget(
        id=team.id, created_at=team.created_at, name=team.name, description=team.description,
        agent_options=team.agent_options, user_count=users, host_count=hosts, display_text=team.name, count=hosts,
        secrets=[SecretOut(secret=MASK, created_at=row.created_at, team_id=team.id) for row in secrets],
    ).model_dump()  # fmt: skip
    return {key: value for key, value in shown.items() if value is not None and (secrets or key != "secrets")}
