"""The organization's settings, as one stored document."""

from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from fleet.db.base import Base, Timestamps


class AppConfigRow(Timestamps, Base):
    """The single row that holds the document."""

    __tablename__ = "app_config"
    authz_kind = "app_config"

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
