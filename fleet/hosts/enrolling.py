"""How a host comes to its row: which one is its own as it enrolls, and what enrolling changes."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from fleet import clock
from fleet.db.portable import upsert
from fleet.hosts import ingest
from fleet.hosts.models import Host, HostSeen


class TooOften(Exception):
    """The host enrolled a moment ago."""


def enroll(
    connection: Connection,
    identifier: str,
    *,
    node_key_digest: str,
    team_id: int | None,
    columns: dict[str, Any],
    cooldown: timedelta,
) -> int:
    """Give the host of this identifier a node key, and a row if it has none; its id.

    A host that is known moves to `team_id`, also to no team; what it was asked and has answered stays. Its former
    node key is dead.
    """
    now = clock.now()
    found = connection.execute(
        select(Host.id, Host.last_enrolled_at).where(Host.osquery_host_id == identifier).with_for_update()
    ).one_or_none()
    if found is None:
        host_id = _insert(connection, identifier, node_key_digest, team_id, now)
    else:
        host_id = found.id
        if cooldown and now - found.last_enrolled_at < cooldown:
            raise TooOften
        connection.execute(
            update(Host)
            .where(Host.id == host_id)
            .values(node_key_digest=node_key_digest, team_id=team_id, last_enrolled_at=now)
        )
    columns = ingest.display_name(connection, host_id, columns)
    if columns:
        connection.execute(update(Host).where(Host.id == host_id).values(columns))
    upsert(connection, HostSeen.__table__, [{"host_id": host_id, "seen_at": now}], key=("host_id",))
    return host_id


def _insert(connection: Connection, identifier: str, node_key_digest: str, team_id: int | None, now: datetime) -> int:
    row = insert(Host).values(
        osquery_host_id=identifier,
        node_key_digest=node_key_digest,
        team_id=team_id,
        last_enrolled_at=now,
    )
    return int(connection.execute(row.returning(Host.id)).scalar_one())
