"""Live queries whose answers are collected and given back at once, for scripts without a WebSocket."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from fleet.authz.check import Actor
from fleet.backplane import Live, Reader, Result
from fleet.errors import FleetError, NotFound
from fleet.live import service as live_queries
from fleet.live.models import CampaignStatus
from fleet.targets.service import Selection

LOOK = 0.02
"""Seconds between two looks at readers that have nothing."""

MOST = 500_000
"""Rows of one answer, a host's answer counting as one more: with more of them nobody else is waited for."""


@dataclass(slots=True)
class Run:
    """One query on its way."""

    query_id: int
    error: str = ""
    campaign_id: int = 0
    waiting: set[int] = field(default_factory=set)
    reader: Reader | None = None
    results: list[Result] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Every host has answered, or none was asked."""
        return not self.waiting

    def collect(self) -> int:
        """Take what has come; gives how much that was: the answers and their rows."""
        came = 0
        while self.reader is not None and (result := self.reader.next(0)) is not None:
            self.results.append(result)
            self.waiting.discard(result.host_id)
            came += 1 + len(result.rows)
        return came


def run(
    engine: Engine, live: Live, by: Actor, query_ids: Sequence[int], host_ids: Sequence[int], period: timedelta
) -> dict[str, Any]:
    """Put each query to the hosts and collect answers for `period`, or until all of them have answered.

    Holds no transaction while it waits.
    """
    deadline = time.monotonic() + period.total_seconds()
    runs = [Run(query_id) for query_id in query_ids]
    try:
        for one in runs:
            _start(engine, live, by, one, host_ids)
        finished = [one for one in runs if one.over]
        pending = [one for one in runs if not one.over]
        total = 0
        while pending and total < MOST and time.monotonic() < deadline:
            came = sum(one.collect() for one in pending)
            total += came
            finished += [one for one in pending if one.over]
            pending = [one for one in pending if not one.over]
            if pending and not came:
                time.sleep(LOOK)
    finally:
        _end(engine, live, runs)
    return _shown(host_ids, [*finished, *pending])


def _start(engine: Engine, live: Live, by: Actor, one: Run, host_ids: Sequence[int]) -> None:
    try:
        with Session(engine) as session, session.begin():
            live_queries.check_possible(session, live, by)
            query = live_queries.question(session, by, sql="", query_id=one.query_id)
            started = live_queries.start(session, by, query, Selection(host_ids=host_ids))
            live_queries.mark(session, started.campaign_id, CampaignStatus.RUNNING)
            one.reader = live.read(started.campaign_id)
        one.campaign_id = started.campaign_id
        started.ask(live)
        one.waiting = set(started.host_ids)
    except FleetError as refused:
        # The colon stands where the original wraps the reason, and scripts match the whole text.
        reason = refused.problems[0].reason
        one.error = f": {reason}" if isinstance(refused, NotFound) else reason


def _end(engine: Engine, live: Live, runs: Sequence[Run]) -> None:
    for one in runs:
        if one.reader is not None:
            one.reader.close()
    ids = [one.campaign_id for one in runs if one.campaign_id]
    if ids:
        with Session(engine) as session, session.begin():
            for campaign_id in ids:
                live_queries.finish(session, live, campaign_id)


def _shown(host_ids: Sequence[int], runs: Sequence[Run]) -> dict[str, Any]:
    responded = {result.host_id for one in runs for result in one.results}
    return {
        "summary": {"targeted_host_count": len(host_ids), "responded_host_count": len(responded)},
        "live_query_results": [
            {
                "query_id": one.query_id,
                **({"error": one.error} if one.error else {}),
                "results": [
                    {"host_id": result.host_id, "rows": result.rows, "error": result.error} for result in one.results
                ]
                or None,
            }
            for one in runs
        ],
    }
