"""The end of hosts: deleted by somebody, or by the clock before they ever told who they are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.db import changes
from fleet.db.portable import batches
from fleet.hosts.models import Host
from fleet.packs.models import PackTarget, TargetType

if TYPE_CHECKING:
    from fleet.runtime import Runtime

INCOMING_FOR = timedelta(minutes=5)
"""How long a host that has told nothing of itself is kept."""


def delete(session: Session, host_ids: Sequence[int]) -> None:
    """Delete hosts with all they reported; an agent that still runs is told to enroll again."""
    for some in batches(host_ids):
        session.execute(
            delete_from(PackTarget).where(PackTarget.type == TargetType.HOST, PackTarget.target_id.in_(some))
        )
        session.execute(delete_from(Host).where(Host.id.in_(some)))
        changes.announce(session, changes.HOST, *some)


def delete_incoming(session: Session, _runtime: "Runtime") -> None:
    """Delete hosts that enrolled and never told their name, version or serial number."""
    silent = session.scalars(
        select(Host.id)
        .where(Host.hostname == "", Host.osquery_version == "", Host.hardware_serial == "")
        .where(Host.created_at < clock.now() - INCOMING_FOR)
        .order_by(Host.id)
    ).all()
    delete(session, silent)
