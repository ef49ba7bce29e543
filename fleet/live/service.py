"""Live queries: started, read, and ended."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from fleet import clock
from fleet.activities import service as activities
from fleet.app_config import service as app_config
from fleet.app_config.models import AppConfigRow
from fleet.authz.check import Actor, Visible, can, can_run, visible_teams
from fleet.backplane import Live
from fleet.db.portable import unique
from fleet.errors import BadRequest, Forbidden, Invalid, NotFound
from fleet.live.models import Campaign, CampaignStatus, CampaignTarget
from fleet.names import fold
from fleet.packs.models import TargetType
from fleet.queries import service as queries
from fleet.queries.models import Query
from fleet.targets import service as targets
from fleet.targets.service import Selection, TargetCounts

READER_MUST_COME = timedelta(minutes=1)
"""A campaign that nobody reads is over after so long."""

LONGEST_RUN = timedelta(hours=24)

KEPT = timedelta(days=7)
"""How long a run that is over can be opened and run again; then it is forgotten."""

AT_ONCE = 5_000
"""Runs that are forgotten in one transaction."""


@dataclass(frozen=True, slots=True)
class Started:
    """A campaign that stands in the database, and what is to be told to the hosts once it is committed."""

    campaign: Campaign
    campaign_id: int
    sql: str
    host_ids: list[int]
    counts: TargetCounts

    def ask(self, live: Live) -> None:
        """Ask the hosts. Not before the commit: a host that answers at once must find the row."""
        live.start(self.campaign_id, self.sql, self.host_ids)


def check_possible(session: Session, live: Live, by: Actor) -> None:
    """Whether `by` may ask about live queries at all, they are not switched off, and answers can be carried."""
    if not can(by, "read", AppConfigRow):
        raise Forbidden()
    if app_config.get(session).server_settings.live_query_disabled:
        raise BadRequest("disabled by administrator")
    live.ping()


def question(session: Session, by: Actor, *, sql: str, query_id: int | None) -> Query:
    """The query to put to hosts: the saved one, else a new one with this SQL, if `by` may run such."""
    if query_id is not None:
        return queries.known(session, query_id, by)
    if not sql.strip():
        raise Invalid("one of query or query_id must be specified", name="query")
    if not can(by, "run_new", Query):
        raise Forbidden()
    name = f"distributed_{by.email}_{time.time_ns()}"[-255:]
    query = Query(name=name, name_key=fold(name)[-255:], query=sql, saved=False, author_id=by.user_id)
    session.add(query)
    session.flush()
    return query


def start(
    session: Session, by: Actor, query: Query, selection: Selection, *, teams: Sequence[int] | None = None
) -> Started:
    """Make the campaign that puts `query` to the selected hosts, those left out that `by` may not question.

    `teams`: the teams that were named, none if none were: whoever names one must have a role there.
    """
    if not can_run(by, observer_can_run=query.observer_can_run, query_team_id=query.team_id, target_teams=teams):
        raise Forbidden()
    query_id = query.id
    campaign = Campaign(query_id=query_id, user_id=by.user_id, status=int(CampaignStatus.WAITING))
    with unique(session, lambda: NotFound.of("Query", query_id), "the query"):
        session.add(campaign)
    aimed = (
        (TargetType.LABEL, selection.label_ids), (TargetType.HOST, selection.host_ids),
        (TargetType.TEAM, selection.team_ids),
    )  # fmt: skip
    rows = [
        {"campaign_id": campaign.id, "type": int(kind), "target_id": target_id}
        for kind, ids in aimed
        for target_id in dict.fromkeys(ids)
    ]
    if rows:
        session.execute(insert(CampaignTarget), rows)
    visible = askable(by, query)
    host_ids = targets.host_ids(session, selection, visible)
    if not host_ids:
        raise BadRequest("no hosts targeted")
    counts = targets.count(session, selection, visible, clock.now())
    details = {"targets_count": counts.total, "query_sql": query.query}
    activities.record(session, by, "live_query", details | ({"query_name": query.name} if query.saved else {}))
    session.flush()
    return Started(campaign, campaign.id, query.query, host_ids, counts)


def askable(by: Actor, query: Query) -> Visible:
    """The hosts that `by` may put this query to."""
    return visible_teams(by, observers=query.observer_can_run)


def get(session: Session, campaign_id: int) -> Campaign:
    """The campaign with this id."""
    campaign = session.get(Campaign, campaign_id)
    if campaign is None:
        raise NotFound.of("DistributedQueryCampaign", campaign_id)
    return campaign


def selection_of(session: Session, campaign: Campaign) -> Selection:
    """What a campaign was aimed at."""
    rows = session.execute(
        select(CampaignTarget.type, CampaignTarget.target_id)
        .where(CampaignTarget.campaign_id == campaign.id)
        .order_by(CampaignTarget.id)
    ).all()
    of = {kind: [row.target_id for row in rows if row.type == kind] for kind in TargetType}
    return Selection(of[TargetType.HOST], of[TargetType.LABEL], of[TargetType.TEAM])


def progress(session: Session, campaign: Campaign, by: Actor) -> TargetCounts:
    """How many hosts a campaign asks, and how many of them are online now."""
    query = queries.get(session, campaign.query_id)
    return targets.count(session, selection_of(session, campaign), askable(by, query), clock.now())


def mark(session: Session | Connection, campaign_id: int, status: CampaignStatus) -> None:
    """Somebody reads it, or it is over."""
    session.execute(
        update(Campaign).where(Campaign.id == campaign_id).values(status=int(status), updated_at=clock.now())
    )


def finish(session: Session | Connection, live: Live, campaign_id: int) -> None:
    """End a campaign: it asks no host any more."""
    live.stop(campaign_id)
    mark(session, campaign_id, CampaignStatus.COMPLETE)


def end_abandoned(session: Session, live: Live) -> int:
    """End the campaigns that nobody came to read, and those that have run for a day; gives how many."""
    now = clock.now()
    waiting = (Campaign.status == CampaignStatus.WAITING) & (Campaign.created_at < now - READER_MUST_COME)
    running = (Campaign.status == CampaignStatus.RUNNING) & (Campaign.created_at < now - LONGEST_RUN)
    ids = session.scalars(select(Campaign.id).where(waiting | running)).all()
    for campaign_id in ids:
        finish(session, live, campaign_id)
    return len(ids)


def forget(session: Session) -> None:
    """Delete runs that have been over for long, the oldest first, and SQL that was asked once and that no run holds
    any more. Saved queries stay."""
    before = clock.now() - KEPT
    over = select(Campaign.id).where(Campaign.status == CampaignStatus.COMPLETE, Campaign.updated_at < before)
    session.execute(delete(Campaign).where(Campaign.id.in_(over.order_by(Campaign.id).limit(AT_ONCE))))
    run = exists().where(Campaign.query_id == Query.id)
    session.execute(delete(Query).where(~Query.saved, Query.created_at < before, ~run))
