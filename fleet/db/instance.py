"""What this instance is called, wherever several of them share something: one name for each database."""

import secrets

from sqlalchemy import Engine, String, select
from sqlalchemy.orm import Mapped, mapped_column

from fleet.db.base import Base
from fleet.db.engine import reading
from fleet.db.portable import insert_ignore


class Instance(Base):
    """The single row that holds the name."""

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(32))


_NAME = select(Instance.name).where(Instance.id == 1)


def name_of(engine: Engine) -> str:
    """The name of the instance with this database; made by the first process that asks, the same for all others."""
    with reading(engine) as connection:
        name = connection.scalar(_NAME)
    if name is None:
        with engine.begin() as connection:
            insert_ignore(connection, Instance.__table__, [{"id": 1, "name": secrets.token_hex(8)}])
            name = connection.scalars(_NAME).one()
    return name
