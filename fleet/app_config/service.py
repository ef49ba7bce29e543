"""The organization's settings: read, written whole, and kept in memory until somebody changes them."""

import threading
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet.app_config.models import AppConfigRow
from fleet.app_config.schemas import AppConfig
from fleet.db import changes
from fleet.db.engine import reading


def get(session: Session | Connection) -> AppConfig:
    """The document as it stands; an instance that is not set up has the defaults."""
    document = session.execute(select(AppConfigRow.document).where(AppConfigRow.id == 1)).scalar()
    return AppConfig.model_validate(document) if document else AppConfig()


def save(session: Session, config: AppConfig) -> None:
    """Store the document; every process acts on it within a quarter of a second."""
    session.merge(AppConfigRow(id=1, document=config.model_dump()))
    session.flush()
    changes.announce(session, changes.APP_CONFIG)
    changes.announce(session, changes.CONFIG)


@dataclass(frozen=True, slots=True)
class Names:
    """What every page shows of the organization."""

    name: str
    logo_url: str


class Organization:
    """The name and logo of the organization, from memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._names: Names | None = None
        self._last = Names("", "")

    def current(self) -> Names:
        """Name and logo as they stand; as last known while the database does not answer, for the page that says so
        shows them too."""
        names = self._names
        if names is not None:
            return names
        with self._lock:
            try:
                with reading(self._engine) as connection:
                    info = get(connection).org_info
            except SQLAlchemyError:
                return self._last
            self._names = self._last = Names(info.org_name, info.org_logo_url)
            return self._last

    def changed(self, topic: str, _subject: int) -> None:
        """Somebody changed something: forget what is kept if it concerns the document."""
        if topic == changes.APP_CONFIG:
            with self._lock:  # else what is being read at this moment would be kept
                self._names = None
