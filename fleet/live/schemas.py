"""Live queries on the wire."""

from typing import Annotated, Any

from pydantic import Field

from fleet import clock
from fleet.live.models import Campaign
from fleet.queries.schemas import Sql
from fleet.shapes import Body, Id, Ids
from fleet.targets.schemas import Selected, SelectedNames
from fleet.targets.service import TargetCounts

MAX_AT_ONCE = 100
"""Queries of one synchronous run."""


class RunQuery(Body):
    """A saved query, or SQL of one's own, and whom to ask."""

    query: Sql = ""
    query_id: Id | None = None
    selected: Selected = Selected()


class RunQueryByNames(Body):
    """The same, with names for ids."""

    query: Sql = ""
    query_id: Id | None = None
    selected: SelectedNames = SelectedNames()


class RunAndWait(Body):
    """Saved queries, each put to the same hosts."""

    query_ids: Annotated[list[Id], Field(max_length=MAX_AT_ONCE)] = []
    host_ids: Ids = []


def campaign_out(campaign: Campaign, counts: TargetCounts) -> dict[str, Any]:
    """A campaign as it starts."""
    return {
        "created_at": clock.ZERO,
        "updated_at": clock.ZERO,
        "Metrics": {
            "TotalHosts": counts.total,
            "OnlineHosts": counts.online,
            "OfflineHosts": counts.offline,
            "MissingInActionHosts": counts.missing,
            "NewHosts": counts.new,
        },
        "id": campaign.id,
        "query_id": campaign.query_id,
        "status": campaign.status,
        "user_id": campaign.user_id,
    }
