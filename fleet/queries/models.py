"""Saved queries and their schedules."""

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.db.base import Base, Timestamps


class Query(Timestamps, Base):
    """SQL that somebody saved, or asked once as a live query (`saved` false)."""

    __tablename__ = "queries"
    authz_kind = "query"

    id: Mapped[int] = mapped_column(primary_key=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    team_key: Mapped[int] = mapped_column(default=0)  # team_id, or 0: unique needs a value
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255))  # fleet.names.fold(name)
    description: Mapped[str] = mapped_column(default="")
    query: Mapped[str]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    saved: Mapped[bool] = mapped_column(default=True)
    observer_can_run: Mapped[bool] = mapped_column(default=False)
    platform: Mapped[str] = mapped_column(String(255), default="")
    min_osquery_version: Mapped[str] = mapped_column(String(255), default="")
    interval: Mapped[int] = mapped_column(default=0)  # seconds; 0: not scheduled
    automations_enabled: Mapped[bool] = mapped_column(default=False)
    logging: Mapped[str] = mapped_column(String(255), default="")

    __table_args__ = (
        UniqueConstraint("team_key", "name_key"),
        Index("ix_queries_scheduled", "team_id", "saved", "automations_enabled"),
    )
