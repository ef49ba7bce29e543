"""Each slot of a schedule runs in one process, and what happened is on record."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, update
from sqlalchemy.orm import Session

from fleet import clock
from fleet.cron.models import CronJob, CronStat
from fleet.cron.runner import LONGEST, Runner
from fleet.cron.schedule import Schedule
from fleet.runtime import Runtime


def stats(runtime: Runtime) -> list[tuple[str, str]]:
    with Session(runtime.engine) as session:
        return [(stat.name, stat.status) for stat in session.scalars(select(CronStat).order_by(CronStat.id))]


def test_a_slot_runs_once_however_many_processes_look(runtime: Runtime) -> None:
    runs: list[int] = []
    schedule = Schedule("x", timedelta(hours=1), (lambda _session, _runtime: runs.append(1),))
    for runner in [Runner(runtime.engine, runtime, (schedule,)) for _ in range(3)]:
        runner.look()
        runner.look()
    assert runs == [1]
    assert stats(runtime) == [("x", "completed")]


def test_a_job_that_fails_is_recorded_and_the_next_one_runs(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def broken(_session: Session, _runtime: Runtime) -> None:
        raise ValueError("out of paper")

    schedule = Schedule("x", timedelta(hours=1), (broken, lambda _session, _runtime: runs.append(1)))
    Runner(runtime.engine, runtime, (schedule,)).look()
    assert runs == [1]
    assert stats(runtime) == [("x", "failed")]
    assert "out of paper" in caplog.text


class OutOfPaper(Exception):
    """An error that nothing in the runner knows."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OutOfPaper("tray 2"), "broken: tray 2"),
        (ZeroDivisionError(), "broken: ZeroDivisionError"),
        (KeyError("x"), "broken: 'x'"),
        (OutOfPaper("a\x00b" + "x" * 5000), "broken: a\ufffdbxxx"),
    ],
)
def test_whatever_a_job_raises_the_run_ends_and_the_next_job_runs(
    runtime: Runtime, error: Exception, told: str
) -> None:
    runs: list[int] = []

    def broken(_session: Session, _runtime: Runtime) -> None:
        raise error

    schedule = Schedule("x", timedelta(hours=1), (broken, lambda _session, _runtime: runs.append(1)))
    Runner(runtime.engine, runtime, (schedule,)).look()
    assert runs == [1]
    assert stats(runtime) == [("x", "failed")]
    with Session(runtime.engine) as session:
        problem = session.scalars(select(CronStat.error)).one()
        assert problem.startswith(told) and len(problem) <= LONGEST
        assert session.scalars(select(CronJob.owner)).one() is None, "the claim is given back"


def test_a_run_that_its_process_did_not_end_is_failed_by_the_next(runtime: Runtime) -> None:
    with Session(runtime.engine) as session, session.begin():
        session.add_all([CronStat(name="x", instance="gone"), CronStat(name="another", instance="runs")])
    Runner(runtime.engine, runtime, (Schedule("x", timedelta(hours=1), ()),)).look()
    assert stats(runtime) == [("x", "failed"), ("another", "pending"), ("x", "completed")]


def test_a_slot_that_comes_while_the_database_is_away_is_run_once_it_is_back(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[int] = []
    schedule = Schedule("x", timedelta(hours=1), (lambda _session, _runtime: runs.append(1),))
    runner = Runner(runtime.engine, runtime, (schedule,))
    runner._engine = create_engine(f"sqlite:///{tmp_path / 'away' / 'fleet.db'}")
    runner.look()
    assert "schedule x: OperationalError" in caplog.text
    runner._engine = runtime.engine
    runner.look()
    assert runs == [1]


def test_a_claim_outlives_a_crash_only_by_its_lease(runtime: Runtime) -> None:
    schedule = Schedule("x", timedelta(hours=1), ())
    crashed, other = (Runner(runtime.engine, runtime, (schedule,)) for _ in range(2))
    assert crashed.claim(schedule)
    with runtime.engine.begin() as connection:
        connection.execute(update(CronJob).values(last_slot=0))
    assert not other.claim(schedule)
    with runtime.engine.begin() as connection:
        connection.execute(update(CronJob).values(lease_until=clock.NEVER))
    assert other.claim(schedule)
