"""Online, offline, missing, new: when a host is which, said once for lists, counts and targets.

The conditions hold over `hosts` joined with `host_seen_times` as `JOINED` does it.
"""

from datetime import datetime, timedelta

from sqlalchemy import false, func, true
from sqlalchemy.sql.elements import ColumnElement

from fleet.authz.check import Visible
from fleet.db.portable import least, plus_seconds
from fleet.hosts.models import Host, HostSeen

GRACE = 60
"""Seconds past its own interval before a host counts as offline."""

MISSING_AFTER = timedelta(days=30)
NEW_FOR = timedelta(days=1)

JOINED = Host.__table__.outerjoin(HostSeen.__table__, HostSeen.host_id == Host.id)
"""Hosts with when they were seen, for select_from()."""

SEEN_AT: ColumnElement[datetime] = func.coalesce(HostSeen.seen_at, Host.created_at)
"""When a host last called; one that never did was seen as it was made."""

_ONLINE_UNTIL = plus_seconds(SEEN_AT, least(Host.distributed_interval, Host.config_tls_refresh) + GRACE)


def online(now: datetime) -> ColumnElement[bool]:
    """The host calls as often as it should."""
    return now < _ONLINE_UNTIL


def offline(now: datetime) -> ColumnElement[bool]:
    """It does not; missing hosts are offline, too."""
    return now >= _ONLINE_UNTIL


def missing(now: datetime) -> ColumnElement[bool]:
    """It has not called for 30 days."""
    return now - MISSING_AFTER >= SEEN_AT


def new(now: datetime) -> ColumnElement[bool]:
    """It came within the last day."""
    return Host.created_at >= now - NEW_FOR


def is_online(seen_at: datetime, distributed_interval: int, config_tls_refresh: int, now: datetime) -> bool:
    """The same as `online`, of values at hand."""
    return seen_at + timedelta(seconds=min(distributed_interval, config_tls_refresh) + GRACE) > now


def visible(to: Visible) -> ColumnElement[bool]:
    """The hosts that somebody sees."""
    if to.everything:
        return true()
    return Host.team_id.in_(to.team_ids) if to.team_ids else false()
