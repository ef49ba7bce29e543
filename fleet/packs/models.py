"""Packs: named sets of scheduled queries for the hosts that they target."""

from enum import IntEnum

from sqlalchemy import ForeignKey, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.db.base import Base, Timestamps


class TargetType(IntEnum):
    """What a pack, or a campaign, is aimed at."""

    LABEL = 0
    HOST = 1
    TEAM = 2


class Pack(Timestamps, Base):
    """A named set of scheduled queries."""

    __tablename__ = "packs"
    authz_kind = "pack"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255), unique=True)  # fleet.names.fold(name)
    description: Mapped[str] = mapped_column(default="")
    platform: Mapped[str] = mapped_column(String(255), default="")
    disabled: Mapped[bool] = mapped_column(default=False)


class PackTarget(Base):
    """A label, host or team that gets a pack. The target may be gone: then it selects nothing."""

    __tablename__ = "pack_targets"

    id: Mapped[int] = mapped_column(primary_key=True)
    pack_id: Mapped[int] = mapped_column(ForeignKey("packs.id", ondelete="CASCADE"))
    type: Mapped[int] = mapped_column(SmallInteger)
    target_id: Mapped[int]

    __table_args__ = (UniqueConstraint("pack_id", "type", "target_id"),)


class ScheduledQuery(Timestamps, Base):
    """An entry of a pack: a global saved query on an interval."""

    __tablename__ = "scheduled_queries"

    id: Mapped[int] = mapped_column(primary_key=True)
    pack_id: Mapped[int] = mapped_column(ForeignKey("packs.id", ondelete="CASCADE"))
    query_id: Mapped[int] = mapped_column(ForeignKey("queries.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(default="")
    interval: Mapped[int] = mapped_column(default=0)  # seconds
    snapshot: Mapped[bool | None]
    removed: Mapped[bool | None]
    platform: Mapped[str | None] = mapped_column(String(255))
    version: Mapped[str | None] = mapped_column(String(255))
    shard: Mapped[int | None]
    denylist: Mapped[bool | None]

    __table_args__ = (UniqueConstraint("pack_id", "name_key"),)
