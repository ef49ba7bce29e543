"""Users, what they may do, and their sessions."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet import clock
from fleet.db.base import Base, Timestamps


class User(Timestamps, Base):
    """A person or a program that signs in."""

    __tablename__ = "users"
    authz_kind = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    email: Mapped[str] = mapped_column(String(255), unique=True)  # in small letters
    password_hash: Mapped[str]
    position: Mapped[str] = mapped_column(String(255), default="")
    gravatar_url: Mapped[str] = mapped_column(String(255), default="")
    sso_enabled: Mapped[bool] = mapped_column(default=False)
    api_only: Mapped[bool] = mapped_column(default=False)
    force_password_reset: Mapped[bool] = mapped_column(default=False)
    global_role: Mapped[str | None] = mapped_column(String(64))


class UserTeam(Base):
    """The role of a user in a team; users with a global role have none."""

    __tablename__ = "user_teams"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(64))


class UserSession(Base):
    """A sign-in, for the cookie of a browser and the bearer token of a client alike."""

    __tablename__ = "sessions"
    authz_kind = "session"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    key_digest: Mapped[str] = mapped_column(String(64), unique=True)
    network: Mapped[str] = mapped_column(String(64), default="")  # of the client that signed in
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    accessed_at: Mapped[datetime] = mapped_column(default=clock.now)
