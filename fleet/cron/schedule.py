"""What the clock runs: a table of names, intervals and functions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from fleet.accounts import sessions
from fleet.db import changes
from fleet.hosts import lifecycle
from fleet.live import service as live

if TYPE_CHECKING:
    from fleet.runtime import Runtime

Job = Callable[[Session, "Runtime"], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A name, how often, and what is run, one after the other, each in a transaction of its own."""

    name: str
    interval: timedelta
    jobs: tuple[Job, ...]


def forget_changes(session: Session, _runtime: "Runtime") -> None:
    """Delete news that every process has read."""
    changes.forget(session)


def end_abandoned_campaigns(session: Session, runtime: "Runtime") -> None:
    """End live queries that nobody came to read, and those that have run for a day."""
    live.end_abandoned(session, runtime.live)


def forget_runs(session: Session, _runtime: "Runtime") -> None:
    """Delete live queries that have long been over, with the SQL that was asked only there."""
    live.forget(session)


def forget_sessions(session: Session, runtime: "Runtime") -> None:
    """Delete sign-ins that were not used for so long that they ended."""
    sessions.forget_all(session, runtime.settings.session.duration)


SCHEDULES = (
    Schedule(
        "cleanups_then_aggregation",
        timedelta(hours=1),
        (end_abandoned_campaigns, forget_runs, forget_changes, forget_sessions, lifecycle.delete_incoming),
    ),
)
