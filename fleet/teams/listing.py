"""The list of teams, as somebody sees it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.app_config.schemas import MASK
from fleet.authz.check import Visible
from fleet.db.listing import Columns, ListOptions, ordered, paged
from fleet.db.portable import contains
from fleet.teams import service as teams
from fleet.teams.models import Team
from fleet.teams.schemas import SecretOut, TeamOut

ORDER: Columns = {
    "id": Team.id.expression,
    "name": Team.name.expression,
    "description": Team.description.expression,
    "created_at": Team.created_at.expression,
}


def listed(
    session: Session, options: ListOptions, seen: Visible, reads_secrets: Callable[[int], bool]
) -> list[dict[str, Any]]:
    """The teams that are seen; the secrets of a team as they are where `reads_secrets` says so, else masked."""
    statement = select(Team)
    if not seen.everything:
        statement = statement.where(Team.id.in_(seen.team_ids))
    if options.match:
        statement = statement.where(contains(Team.name.expression, options.match))
    found = session.scalars(paged(ordered(statement, options, ORDER, Team.id.expression), options)).all()
    ids = [team.id for team in found]
    users, hosts = teams.user_counts(session, ids), teams.host_counts(session, ids)
    secrets = teams.enroll_secrets(session, ids)
    return [
        TeamOut.of(
            team,
            user_count=users.get(team.id, 0),
            host_count=hosts.get(team.id, 0),
            secrets=[
                SecretOut(
                    secret=row.secret if reads_secrets(team.id) else MASK, created_at=row.created_at, team_id=team.id
                )
                for row in secrets.get(team.id, [])
            ],
        )
        for team in found
    ]
