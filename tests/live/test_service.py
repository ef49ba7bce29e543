"""Campaigns that nobody reads."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fleet import clock
from fleet.authz.check import Actor
from fleet.cron.schedule import SCHEDULES
from fleet.errors import Invalid
from fleet.live import service as live_queries
from fleet.live.models import Campaign, CampaignStatus, CampaignTarget
from fleet.packs.models import TargetType
from fleet.queries.models import Query
from fleet.runtime import Runtime
from fleet.targets.service import Selection
from tests import factories


def make_campaign(session: Session, status: CampaignStatus, age: timedelta) -> int:
    query, user = factories.make_query(session), factories.make_user(session)
    campaign = Campaign(query_id=query.id, user_id=user.id, status=status, created_at=clock.now() - age)
    session.add(campaign)
    session.flush()
    return campaign.id


MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("status", "age", "ends"),
    [
        (CampaignStatus.WAITING, MINUTE + SECOND, True),
        (CampaignStatus.WAITING, MINUTE - SECOND, False),
        (CampaignStatus.RUNNING, DAY + SECOND, True),
        (CampaignStatus.RUNNING, DAY - SECOND, False),
        (CampaignStatus.COMPLETE, 2 * DAY, False),
    ],
)
def test_the_clock_ends_what_was_abandoned(
    session: Session, runtime: Runtime, status: CampaignStatus, age: timedelta, ends: bool
) -> None:
    campaign_id = make_campaign(session, status, age)
    runtime.live.start(campaign_id, "SELECT 1", [1])
    job = next(job for job in SCHEDULES[0].jobs if job.__name__ == "end_abandoned_campaigns")
    job(session, runtime)
    session.expire_all()
    campaign = live_queries.get(session, campaign_id)
    assert campaign.status == (CampaignStatus.COMPLETE if ends else status)
    assert (runtime.live.due(1) == {}) == ends


WEEK = timedelta(days=7)


def test_runs_are_forgotten_a_week_after_their_end_and_saved_queries_never(session: Session, runtime: Runtime) -> None:
    def made(status: CampaignStatus, age: timedelta, *, saved: bool) -> tuple[int, int]:
        campaign_id = make_campaign(session, status, age)
        campaign = live_queries.get(session, campaign_id)
        campaign.updated_at = clock.now() - age
        query = session.get_one(Query, campaign.query_id)
        query.saved, query.created_at = saved, clock.now() - age
        session.add(CampaignTarget(campaign_id=campaign_id, type=int(TargetType.HOST), target_id=1))
        session.flush()
        return campaign_id, query.id

    complete = CampaignStatus.COMPLETE
    old, old_saved = made(complete, WEEK + SECOND, saved=False), made(complete, WEEK + SECOND, saved=True)
    young, running = made(complete, WEEK - MINUTE, saved=False), made(CampaignStatus.RUNNING, 2 * WEEK, saved=False)
    again = Campaign(query_id=old[1], user_id=None, status=complete)  # the same SQL, asked again just now
    lone = factories.make_query(session, saved=False, created_at=clock.now() - WEEK - SECOND)
    session.add(again)
    session.commit()
    job = next(job for job in SCHEDULES[0].jobs if job.__name__ == "forget_runs")
    job(session, runtime)
    session.commit()
    left = sorted([young[0], running[0], again.id])
    assert sorted(session.scalars(select(Campaign.id))) == left
    assert sorted(session.scalars(select(CampaignTarget.campaign_id))) == sorted([young[0], running[0]])
    assert sorted(session.scalars(select(Query.id))) == sorted([old[1], old_saved[1], young[1], running[1]])
    assert lone.id not in session.scalars(select(Query.id)).all()


def test_so_many_runs_are_forgotten_at_once_the_oldest_first(
    session: Session, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [make_campaign(session, CampaignStatus.COMPLETE, 2 * WEEK) for _ in range(3)]
    session.execute(update(Campaign).values(updated_at=clock.now() - 2 * WEEK))
    session.commit()
    monkeypatch.setattr(live_queries, "AT_ONCE", 2)
    live_queries.forget(session)
    session.commit()
    assert session.scalars(select(Campaign.id)).all() == ids[2:]


def test_a_query_that_is_deleted_before_it_runs_is_refused(session: Session) -> None:
    query, user, host = factories.make_query(session), factories.make_user(session), factories.make_host(session)
    session.commit()
    actor = Actor(user.id, user.name, user.email, global_role="admin")
    session.execute(delete(Query).execution_options(synchronize_session=False))
    with pytest.raises(Invalid, match="the query does not exist"):
        live_queries.start(session, actor, query, Selection(host_ids=[host.id]))
    assert session.scalars(select(Campaign.id)).all() == []
