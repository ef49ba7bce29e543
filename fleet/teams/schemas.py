"""Teams on the wire."""

from datetime import datetime
from typing import Any

from pydantic import Field

from fleet import clock
from fleet.app_config.schemas import FailingPoliciesWebhook, Features, MacosSettings, MacosSetup, MacosUpdates
from fleet.errors import Problem
from fleet.shapes import Body, Out
from fleet.teams.models import Team

MAX_SECRET = 255


class TeamWebhooks(Out):
    """The webhooks of a team."""

    failing_policies_webhook: FailingPoliciesWebhook = FailingPoliciesWebhook()


class TeamIntegrations(Out):
    """The ticket systems of a team."""

    jira: list[dict[str, Any]] | None = None
    zendesk: list[dict[str, Any]] | None = None


class TeamMdm(Out):
    """The device management of a team."""

    macos_updates: MacosUpdates = MacosUpdates()
    macos_settings: MacosSettings = MacosSettings()
    macos_setup: MacosSetup = MacosSetup()


class _Team(Out):
    id: int
    created_at: datetime = clock.ZERO
    name: str
    description: str = ""
    webhook_settings: TeamWebhooks = TeamWebhooks()
    integrations: TeamIntegrations = TeamIntegrations()
    features: dict[str, Any] = Field(default_factory=lambda: Features().shown())
    mdm: TeamMdm = TeamMdm()
    user_count: int = 0
    host_count: int = 0


class RoleInTeam(_Team):
    """A team as it stands in a user: name and role, everything else empty."""

    features: dict[str, Any] = Field(
        default_factory=lambda: Features(enable_host_users=False, enable_software_inventory=False).shown()
    )
    role: str


class TeamName(Out):
    """A team that somebody may choose."""

    id: int
    name: str
    description: str


class SecretOut(Out):
    """An enroll secret; `team_id` only if it is a team's."""

    secret: str
    created_at: datetime
    team_id: int | None = None

    def shown(self) -> dict[str, Any]:
        """As clients know it."""
        return self.model_dump(exclude_none=True)


class TeamOut(_Team):
    """A team; `agent_options` and `secrets` only if there are any."""

    agent_options: dict[str, Any] | None
    secrets: list[SecretOut]

    @classmethod
    def of(cls, team: Team, *, user_count: int, host_count: int, secrets: list[SecretOut]) -> dict[str, Any]:
        """The team in this row, with what was counted for it."""
        shown = cls(
            id=team.id,
            created_at=team.created_at,
            name=team.name,
            description=team.description,
            agent_options=team.agent_options,
            user_count=user_count,
            host_count=host_count,
            secrets=secrets,
        ).model_dump()
        if team.agent_options is None:
            del shown["agent_options"]
        return shown if secrets else {key: value for key, value in shown.items() if key != "secrets"}


class NewSecret(Body):
    """An enroll secret as it is sent; its time and team are not the sender's to say."""

    secret: str = ""


class SecretList(Body):
    """All enroll secrets of a scope."""

    secrets: list[NewSecret] = []


class SecretSpec(Body):
    """The document of `fleetctl apply` for enroll secrets."""

    spec: SecretList | None = None


def problems(secrets: list[NewSecret], most: int) -> list[Problem]:
    """What is wrong with these secrets."""
    if len(secrets) > most:
        return [Problem("secrets", "too many secrets")]
    found = []
    for index, new in enumerate(secrets):
        if not new.secret:
            found.append(Problem(f"secrets.{index}.secret", "enroll secret must not be empty"))
        elif len(new.secret) > MAX_SECRET:
            found.append(Problem(f"secrets.{index}.secret", "Error 1406 (22001): Data too long for column 'secret'"))
    return found
