"""Teams: hosts and users that belong together; and the secrets that let hosts in."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet import clock
from fleet.db.base import Base, Timestamps


class Team(Timestamps, Base):
    """A team."""

    __tablename__ = "teams"
    authz_kind = "team"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255), unique=True)  # fleet.names.fold(name)
    description: Mapped[str] = mapped_column(String(1023), default="")
    agent_options: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class EnrollSecret(Base):
    """What lets a new host in, and into which team (none: no team)."""

    __tablename__ = "enroll_secrets"
    authz_kind = "enroll_secret"

    secret: Mapped[str] = mapped_column(String(255), primary_key=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
