"""Campaigns that nobody reads."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from fleet import clock
from fleet.cron.schedule import SCHEDULES
from fleet.live import service as live_queries
from fleet.live.models import Campaign, CampaignStatus
from fleet.runtime import Runtime
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
