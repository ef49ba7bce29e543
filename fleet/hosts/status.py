"""Online, offline, missing, new: when a host is which, said once for lists, counts and targets.

The conditions hold over `hosts` joined with `host_seen_times` as `JOINED` does it.
"""

from datetime import datetime, timedelta

from sqlalchemy import false, func, literal, true
from sqlalchemy.sql.elements import ColumnElement

from fleet.authz.check import Visible
from fleet.db.portable import least, seconds_between
from fleet.db.types import UtcDateTime
from fleet.hosts.models import Host, HostSeen

GRACE = 60
"""Seconds past its own interval before a host counts as offline."""

MISSING_AFTER = timedelta(days=30)
NEW_FOR = timedelta(days=1)

# Columns of the tables, not attributes of the models: with one of those in it a statement costs an ORM's pass.
_HOST, _SEEN = Host.__table__.c, HostSeen.__table__.c

JOINED = Host.__table__.outerjoin(HostSeen.__table__, _SEEN.host_id == _HOST.id)
"""Hosts with when they were seen, for select_from()."""

SEEN_AT: ColumnElement[datetime] = func.coalesce(_SEEN.seen_at, _HOST.created_at)
"""When a host last called; one that never did was seen as it was made."""

_CALLS_EVERY = least(_HOST.distributed_interval, _HOST.config_tls_refresh)


def online(now: datetime) -> ColumnElement[bool]:
    """The host calls as often as it should."""
    return _silent_for(now) < _CALLS_EVERY + GRACE


def offline(now: datetime) -> ColumnElement[bool]:
    """It does not; missing hosts are offline, too."""
    return _silent_for(now) >= _CALLS_EVERY + GRACE


def _silent_for(now: datetime) -> ColumnElement[float]:
    return seconds_between(SEEN_AT, literal(now, UtcDateTime()))


def missing(now: datetime) -> ColumnElement[bool]:
    """It has not called for 30 days."""
    return now - MISSING_AFTER >= SEEN_AT


def new(now: datetime) -> ColumnElement[bool]:
    """It came within the last day."""
    return _HOST.created_at >= now - NEW_FOR


def is_online(seen_at: datetime, distributed_interval: int, config_tls_refresh: int, now: datetime) -> bool:
    """The same as `online`, of values at hand."""
    return seen_at + timedelta(seconds=min(distributed_interval, config_tls_refresh) + GRACE) > now


def visible(to: Visible) -> ColumnElement[bool]:
    """The hosts that somebody sees."""
    if to.everything:
        return true()
    return _HOST.team_id.in_(to.team_ids) if to.team_ids else false()
