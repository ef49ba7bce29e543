"""Who did what: written with the change itself, in the same transaction."""

from typing import Any

from sqlalchemy.orm import Session

from fleet.activities.models import Activity
from fleet.authz.check import Actor


def record(session: Session, by: Actor | None, activity_type: str, details: dict[str, Any] | None = None) -> None:
    """Write one activity; `by` none: nobody signed in did it (a failed login, the server itself)."""
    session.add(
        Activity(
            user_id=by.user_id if by else None,
            user_name=by.name if by else None,
            activity_type=activity_type,
            details=details,
        )
    )
