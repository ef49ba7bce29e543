"""The parent of all tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

from fleet import clock
from fleet.db.types import UtcDateTime

CONVENTION = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Every model derives from this."""

    # On the registry and not in `type_annotation_map`, because Flask-SQLAlchemy copies this class.
    metadata = MetaData(naming_convention=CONVENTION)
    registry = registry(
        metadata=metadata,
        type_annotation_map={
            datetime: UtcDateTime,
            dict[str, Any]: JSON,
            int: BigInteger().with_variant(Integer, "sqlite"),
            str: Text,
        },
    )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # An id of a deleted row must never come back: memory of it may still be around.
        if isinstance(cls.__table__, Table):
            cls.__table__.dialect_options["sqlite"]["autoincrement"] = True


class Timestamps:
    """When a row came to be and when it was last changed."""

    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now, onupdate=clock.now)
