"""How many hosts there are: in all, by platform, and by whether they call."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import false, func, select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.authz.check import Visible
from fleet.db.portable import how_many
from fleet.hosts import status
from fleet.hosts.listing import Filter, condition
from fleet.hosts.models import Host, HostDisk
from fleet.hosts.platforms import LINUX

_HOST, _DISK = Host.__table__.c, HostDisk.__table__.c


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of hosts; offline ones include the missing."""

    total: int = 0
    online: int = 0
    offline: int = 0
    missing: int = 0
    new: int = 0
    low_disk: int = 0
    platforms: Mapping[str, int] = field(default_factory=dict)

    @property
    def linux(self) -> int:
        """Hosts of any Linux distribution."""
        return sum(count for platform, count in self.platforms.items() if platform in LINUX)


def summarize(session: Session, wanted: Filter, to: Visible, *, low_disk_space: int = 0) -> Summary:
    """The counts of the hosts that somebody sees, in one statement; `low_disk_space` gigabytes or less is low, and 0
    counts no disks."""
    now = clock.now()
    low = _DISK.gigs_disk_space_available <= low_disk_space if low_disk_space else false()
    figures = (func.count(), *(how_many(part) for part in (
        status.online(now), status.missing(now), status.new(now), low,
    )))  # fmt: skip
    hosts = status.JOINED.outerjoin(HostDisk.__table__, _DISK.host_id == _HOST.id)
    rows = session.execute(
        select(_HOST.platform, *figures)
        .select_from(hosts)
        .where(condition(wanted, to, now))
        .group_by(_HOST.platform)
        .order_by(_HOST.platform)
    ).all()
    total, calling, gone, fresh, full = (sum(int(row[column]) for row in rows) for column in range(1, 6))
    return Summary(total, calling, total - calling, gone, fresh, full, {row[0]: int(row[1]) for row in rows})
