"""Campaigns: runs of a live query against its targets."""

from enum import IntEnum

from sqlalchemy import ForeignKey, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from fleet.db.base import Base, Timestamps


class CampaignStatus(IntEnum):
    """Nobody reads yet, somebody does, over."""

    WAITING = 0
    RUNNING = 1
    COMPLETE = 2


class Campaign(Timestamps, Base):
    """One run of a live query."""

    __tablename__ = "distributed_query_campaigns"

    id: Mapped[int] = mapped_column(primary_key=True)
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    status: Mapped[int] = mapped_column(SmallInteger, default=CampaignStatus.WAITING)


class CampaignTarget(Base):
    """What a campaign was aimed at, as it was asked for."""

    __tablename__ = "distributed_query_campaign_targets"

    id: Mapped[int] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(
        ForeignKey("distributed_query_campaigns.id", ondelete="CASCADE"), index=True
    )
    type: Mapped[int] = mapped_column(SmallInteger)  # fleet.packs.models.TargetType
    target_id: Mapped[int]
