"""Runs schedules: in every process, each slot in one of them."""

import logging
import os
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import Engine, or_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet import clock
from fleet.cron.models import CronJob, CronStat
from fleet.cron.schedule import SCHEDULES, Job, Schedule
from fleet.db.portable import insert_ignore
from fleet.server.boundary import Boundary

if TYPE_CHECKING:
    from fleet.runtime import Runtime

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
LOOK = 60
"""Seconds between two looks at what is due."""

LONGEST = 2000
"""Characters that are kept of what went wrong."""


class Runner:
    """Looks at the schedules once a minute and runs what this process can claim."""

    def __init__(self, engine: Engine, runtime: "Runtime", schedules: tuple[Schedule, ...] = SCHEDULES) -> None:
        self._engine = engine
        self._runtime = runtime
        self._schedules = schedules
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}"[:64]
        self._scheduler = BackgroundScheduler(daemon=True)

    def start(self) -> None:
        """Look once a minute until `stop`."""
        self._scheduler.add_job(self.look, "interval", seconds=LOOK, max_instances=1, coalesce=True)
        self._scheduler.start()

    def stop(self) -> None:
        """Let a running job finish, then end."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def look(self) -> None:
        """Run every schedule whose slot has come and that no other process has claimed."""
        for schedule in self._schedules:
            try:
                if self.claim(schedule):
                    self.run(schedule)
            except SQLAlchemyError as error:
                log.warning("schedule %s: %s", schedule.name, type(error).__name__)

    def claim(self, schedule: Schedule) -> bool:
        """Take the present slot of a schedule: true in exactly one process. A claim outlives a crash by the lease."""
        slot = int(time.time() // schedule.interval.total_seconds())
        with self._engine.begin() as connection:
            insert_ignore(
                connection,
                CronJob.__table__,
                [{"name": schedule.name, "last_slot": 0, "lease_until": clock.NEVER}],
            )
            taken = connection.execute(
                update(CronJob)
                .where(CronJob.name == schedule.name, CronJob.last_slot < slot)
                .where(or_(CronJob.owner.is_(None), CronJob.lease_until < clock.now()))
                .values(last_slot=slot, owner=self._owner, lease_until=clock.now() + LEASE)
            )
            return taken.rowcount == 1

    def run(self, schedule: Schedule) -> None:
        """Run the jobs of a schedule and record how it went; one that fails, however, does not stop the next."""
        with Session(self._engine) as session, session.begin():
            # Whoever holds the claim runs alone: what is still pending was left by a process that is gone.
            orphans = update(CronStat).where(CronStat.name == schedule.name, CronStat.status == "pending")
            session.execute(orphans.values(status="failed", error="the process ended before the run did"))
            stat = CronStat(name=schedule.name, instance=self._owner)
            session.add(stat)
            session.flush()
            stat_id = stat.id
        problems = "; ".join(filter(None, map(self._problem, schedule.jobs)))
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(CronStat)
                .where(CronStat.id == stat_id)
                .values(status="failed" if problems else "completed", error=_storable(problems)[:LONGEST])
            )
            session.execute(
                update(CronJob).where(CronJob.name == schedule.name, CronJob.owner == self._owner).values(owner=None)
            )

    def _problem(self, job: Job) -> str:
        """Run a job in a transaction of its own; gives what went wrong, or nothing."""
        problem = ""
        with Boundary(f"job {job.__name__}"):
            try:
                with Session(self._engine) as session, session.begin():
                    job(session, self._runtime)
            except BaseException as error:
                problem = f"{job.__name__}: {str(error) or type(error).__name__}"
                raise
        return problem


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
