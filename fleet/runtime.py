"""What one process holds while it runs, reached as `flask_app.extensions["fleet"]`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from fleet.authz.check import Actor
from fleet.backplane import Live
from fleet.db.batch import Batch
from fleet.db.changes import Watcher
from fleet.settings import Settings

if TYPE_CHECKING:
    from fleet.agents.plane import Plane
    from fleet.web.limits import Limits
    from fleet.web.pages import Navigation


class Names(Protocol):
    """What every page shows of the organization."""

    @property
    def name(self) -> str: ...
    @property
    def logo_url(self) -> str: ...


class Organization(Protocol):
    """The name and logo of the organization, from memory."""

    def current(self) -> Names: ...
    def changed(self, topic: str, subject: int) -> None: ...


@dataclass
class Runtime:
    """Settings, connections and memory of this process; `close` flushes and lets go of all of it."""

    settings: Settings
    engine: Engine
    watcher: Watcher
    live: Live
    limits: "Limits"
    batch: Batch
    from_bearer: Callable[[Session], Actor | None]
    from_cookie: Callable[[Session], Actor | None]
    organization: Organization
    navigation: "Navigation"
    setup_required: Callable[[], bool]
    plane: "Plane" = field(init=False)
    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Stop threads, write what is still buffered, close connections; called once, as the process ends."""
        while self.closers:
            self.closers.pop()()
