"""Users and sessions on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fleet import clock
from fleet.accounts.models import User, UserSession
from fleet.errors import Invalid
from fleet.shapes import Body, Out
from fleet.teams.schemas import RoleInTeam


class Credentials(Body):
    """What somebody signs in with; an absent part is an empty one, and wrong."""

    email: str = ""
    password: str = ""


class PasswordChange(Body):
    """A user's own new password."""

    old_password: str = ""
    new_password: str = ""


class RequiredReset(Body):
    """The password that ends a forced reset."""

    new_password: str = ""


class UserOut(Out):
    """A user, without anything that would let somebody sign in."""

    created_at: datetime
    updated_at: datetime
    id: int
    name: str
    email: str
    force_password_reset: bool
    gravatar_url: str
    position: str
    sso_enabled: bool
    global_role: str | None
    api_only: bool
    teams: list[RoleInTeam]

    @classmethod
    def of(cls, user: User, teams: Sequence[RoleInTeam], *, new: bool = False) -> dict[str, Any]:
        """The user in this row; `position` only if there is one, and no times in the answer that made the user."""
        shown = cls(
            created_at=clock.ZERO if new else user.created_at,
            updated_at=clock.ZERO if new else user.updated_at,
            id=user.id,
            name=user.name,
            email=user.email,
            force_password_reset=user.force_password_reset,
            gravatar_url=user.gravatar_url,
            position=user.position,
            sso_enabled=user.sso_enabled,
            global_role=user.global_role,
            api_only=user.api_only,
            teams=list(teams),
        ).model_dump()
        return {key: value for key, value in shown.items() if value or key != "position"}


class SessionOut(Out):
    """A session, without its key."""

    session_id: int
    user_id: int
    created_at: datetime

    @classmethod
    def of(cls, row: UserSession) -> "SessionOut":
        """The session in this row."""
        return cls(session_id=row.id, user_id=row.user_id, created_at=row.created_at)


class NewPassword(Body):
    """A new password as a form sends it: twice."""

    new_password: str = ""
    repeated: str = ""

    def checked(self) -> str:
        """The password, if both times it is the same."""
        if self.new_password != self.repeated:
            raise Invalid("The two passwords are not the same.", name="repeated")
        return self.new_password


class OwnPasswordChange(NewPassword):
    """The same on the profile, with the password that holds now."""

    old_password: str = ""


class OwnPassword(Body):
    """The password of whoever asks for something that a session alone must not give."""

    password: str = ""
