"""What the clock runs: a table of names, intervals and functions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from fleet.db import changes

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


SCHEDULES = (Schedule("cleanups_then_aggregation", timedelta(hours=1), (forget_changes,)),)
