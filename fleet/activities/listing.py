"""The list of what people did, and how one of it is shown."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.accounts.models import User
from fleet.activities.models import Activity
from fleet.db.listing import Columns, ListOptions, ordered, paged

ORDER: Columns = {
    "id": Activity.id.expression,
    "created_at": Activity.created_at.expression,
    "activity_type": Activity.activity_type.expression,
    "type": Activity.activity_type.expression,
    "user_id": Activity.user_id.expression,
    "user_name": Activity.user_name.expression,
}


def listed(session: Session, options: ListOptions) -> tuple[list[dict[str, Any]], bool]:
    """A page of activities as they are shown, and whether there are more of them."""
    statement = select(Activity, User).outerjoin(User, User.id == Activity.user_id)
    statement = paged(ordered(statement, options, ORDER, Activity.id.expression), options)
    if options.per_page:
        statement = statement.limit(options.per_page + 1)
    rows = [shown(activity, user) for activity, user in session.execute(statement)]
    most = options.per_page or len(rows)
    return rows[:most], len(rows) > most


def shown(activity: Activity, user: User | None) -> dict[str, Any]:
    """One activity: its actor as of today while there is such a user, else the name as of then."""
    item: dict[str, Any] = {"created_at": activity.created_at, "id": activity.id}
    if user is not None:
        item |= {
            "actor_full_name": user.name,
            "actor_id": user.id,
            "actor_gravatar": user.gravatar_url,
            "actor_email": user.email,
        }
    elif activity.user_name is not None:
        item["actor_full_name"] = activity.user_name
    return item | {"type": activity.activity_type, "details": activity.details or {}}
