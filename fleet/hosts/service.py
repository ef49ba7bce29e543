"""Hosts: finding one, and asking it anew."""

from collections.abc import Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from fleet import keys
from fleet.authz.check import Visible
from fleet.db import changes
from fleet.errors import NotFound
from fleet.hosts import listing
from fleet.hosts.listing import HostRow
from fleet.hosts.models import Host


def get(session: Session, host_id: int) -> HostRow:
    """The host with this id, whoever asks."""
    row = listing.one(session, host_id)
    if row is None:
        raise NotFound.of("Host", host_id)
    return row


def identify(session: Session, identifier: str, to: Visible) -> HostRow:
    """The host with exactly this hostname, osquery id, uuid or node key. Of several, the first that is seen; when
    none of them is, the first, so that the door refuses it."""
    found: Sequence[tuple[int, int | None]] = [
        (row.id, row.team_id)
        for row in session.execute(
            select(Host.id, Host.team_id)
            .where(
                or_(
                    Host.hostname == identifier,
                    Host.uuid == identifier,
                    Host.osquery_host_id == identifier,
                    Host.node_key_digest == keys.digest(identifier),
                )
            )
            .order_by(Host.id)
            .limit(1000)
        )
    ]
    if not identifier or not found:
        raise NotFound.of("Host", identifier)
    return get(session, next((host_id for host_id, team_id in found if to.team(team_id)), found[0][0]))


def teams_of(session: Session, host_ids: Sequence[int]) -> dict[int, int | None]:
    """The team of each of these hosts; `NotFound` names the first that is not there."""
    teams = listing.teams_of(session, host_ids)
    for host_id in host_ids:
        if host_id not in teams:
            raise NotFound.of("Host", host_id)
    return teams


def refetch(session: Session, host_id: int) -> None:
    """Ask the host for its details as soon as it calls."""
    session.execute(update(Host).where(Host.id == host_id).values(refetch_requested=True))
    changes.announce(session, changes.HOST, host_id)
