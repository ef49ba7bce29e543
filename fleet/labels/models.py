"""Labels: groups of hosts by what their own SQL says."""

from datetime import datetime
from enum import IntEnum

from sqlalchemy import ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet import clock
from fleet.db.base import Base, Timestamps

ALL_HOSTS = 6
"""The id of the built-in label that every host is in from its enrolling on."""


class LabelType(IntEnum):
    """Made by a person, or there from the start."""

    REGULAR = 0
    BUILTIN = 1


class MembershipType(IntEnum):
    """Who says which hosts are members: their answers to the SQL, or a list."""

    DYNAMIC = 0
    MANUAL = 1


class Label(Timestamps, Base):
    """A group whose members are the hosts that last answered its query with a row."""

    __tablename__ = "labels"
    authz_kind = "label"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    name_key: Mapped[str] = mapped_column(String(255), unique=True)  # fleet.names.fold(name)
    description: Mapped[str] = mapped_column(default="")
    query: Mapped[str]
    platform: Mapped[str] = mapped_column(String(255), default="")
    label_type: Mapped[int] = mapped_column(SmallInteger, default=LabelType.REGULAR)
    label_membership_type: Mapped[int] = mapped_column(SmallInteger, default=MembershipType.DYNAMIC)


class LabelMembership(Base):
    """A host is in a label."""

    __tablename__ = "label_membership"

    host_id: Mapped[int] = mapped_column(ForeignKey("hosts.id", ondelete="CASCADE"), primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True, index=True)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)
