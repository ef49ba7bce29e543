"""Lists of hosts with the extras that a request asks for."""

from collections.abc import Sequence
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from fleet import clock
from fleet.errors import BadRequest
from fleet.hosts import listing
from fleet.hosts.listing import HostRow
from fleet.hosts.schemas import chosen_additional, item
from fleet.web.listing import flag

MOST_NAMES = 100
"""Additional queries that one request picks by name."""


def items(session: Session, rows: Sequence[HostRow]) -> list[dict[str, Any]]:
    """The rows as JSON shows them, with additional information and device mapping where this request names them."""
    now = clock.now()
    shown = [item(row, now) for row in rows]
    if flag("device_mapping"):
        for host in shown:
            host["device_mapping"] = None
    named = request.args.get("additional_info_filters", "").split(",")
    names = list(dict.fromkeys(name.strip() for name in named if name.strip()))
    if len(names) > MOST_NAMES:
        raise BadRequest(
            f"additional_info_filters names more than {MOST_NAMES} queries", name="additional_info_filters"
        )
    if names:
        _add_additional(session, shown, ["*"] if "*" in names else names)
    return shown


def _add_additional(session: Session, shown: list[dict[str, Any]], names: list[str]) -> None:
    stored = listing.additional_of(session, [host["id"] for host in shown])
    for host in shown:
        chosen = chosen_additional(stored.get(host["id"]), names)
        if chosen is not None:
            host["additional"] = chosen
