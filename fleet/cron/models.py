"""What the clock runs, and how it went."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fleet import clock
from fleet.db.base import Base, Timestamps


class CronJob(Base):
    """The claim on a schedule: which slot was taken last, by whom, and until when the claim holds."""

    __tablename__ = "cron_jobs"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    last_slot: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime] = mapped_column(default=clock.NEVER)


class CronStat(Timestamps, Base):
    """One run of a schedule."""

    __tablename__ = "cron_stats"
    authz_kind = "cron_schedules"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), index=True)
    instance: Mapped[str] = mapped_column(String(255))
    stats_type: Mapped[str] = mapped_column(String(255), default="scheduled")
    status: Mapped[str] = mapped_column(String(255), default="pending")  # pending, completed, failed
    error: Mapped[str] = mapped_column(default="")
