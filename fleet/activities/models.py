"""Who did what, and when."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet import clock
from fleet.db.base import Base


class Activity(Base):
    """One thing that somebody, or the server, did."""

    __tablename__ = "activities"
    authz_kind = "activity"

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    user_name: Mapped[str | None] = mapped_column(String(255))  # as of then; shown once the user is gone
    activity_type: Mapped[str] = mapped_column(String(255), index=True)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON)
