"""When a host is online, the same in SQL and in Python."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.hosts import status
from fleet.hosts.models import Host, HostSeen
from tests import factories


@pytest.mark.parametrize("intervals", [(10, 60), (60, 10)])
@pytest.mark.parametrize(("ago", "expected"), [(0, True), (65, True), (75, False), (40 * 86400, False)])
def test_host_is_online_until_its_shorter_interval_and_a_minute_have_passed(
    session: Session, ago: int, expected: bool, intervals: tuple[int, int]
) -> None:
    host = factories.make_host(session, distributed_interval=intervals[0], config_tls_refresh=intervals[1])
    now = clock.now()
    seen = session.get(HostSeen, host.id)
    assert seen
    seen.seen_at = now - timedelta(seconds=ago)
    session.flush()
    row = session.execute(
        select(status.online(now), status.offline(now), status.missing(now))
        .select_from(status.JOINED)
        .where(Host.id == host.id)
    ).one()
    assert (bool(row[0]), bool(row[1]), bool(row[2])) == (expected, not expected, ago > 30 * 86400)
    assert status.is_online(seen.seen_at, *intervals, now) is expected
