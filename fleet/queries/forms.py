"""The form of a query: what people fill in, how it becomes a query, and what another hand changed meanwhile."""

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from fleet import schema
from fleet.errors import Invalid, Problem
from fleet.queries import service
from fleet.queries.models import Query
from fleet.queries.schedule import INTERVAL_MAX
from fleet.queries.schema_pages import PLATFORM_NAMES
from fleet.queries.schemas import NewQuery
from fleet.shapes import digits
from fleet.web import conflicts
from fleet.web.conflicts import Difference
from fleet.web.parsing import parse_form_in_part

FREQUENCIES = (
    (0, "Never"),
    (300, "Every 5 minutes"),
    (600, "Every 10 minutes"),
    (900, "Every 15 minutes"),
    (1800, "Every 30 minutes"),
    (3600, "Every hour"),
    (21600, "Every 6 hours"),
    (43200, "Every 12 hours"),
    (86400, "Every day"),
    (604800, "Every week"),
)
"""What is offered; other numbers of seconds are a custom frequency."""

LOGGING_NAMES = (
    ("snapshot", "Snapshot: all rows, each time"),
    ("differential", "Differential: rows that came or went"),
    ("differential_ignore_removals", "Differential, without rows that went"),
)

LABELS = {
    "name": "Name",
    "query": "SQL",
    "description": "Description",
    "interval": "Frequency",
    "platform": "Platforms",
    "min_osquery_version": "Minimum osquery version",
    "logging": "Logging",
    "observer_can_run": "Observers can run",
    "automations_enabled": "Automations",
}
"""The fields, as the page calls them."""


def every(seconds: int) -> str:
    """A frequency in words."""
    for length, text in FREQUENCIES:
        if length == seconds:
            return text
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            return f"Every {seconds // length} {unit}s" if seconds > length else f"Every {unit}"
    return f"Every {seconds:,} seconds" if seconds != 1 else "Every second"


def frequency(sent: Mapping[str, str]) -> str:
    """The seconds that the frequency of a form means: those of the choice, or those typed beside it."""
    chosen = sent.get("frequency", "0")
    return sent.get("interval", "") if chosen == "custom" else chosen


def values_of(query: Query | NewQuery) -> dict[str, Any]:
    """The fields of a query as a form shows them."""
    return {name: getattr(query, name) for name in LABELS}


def typed(sent: MultiDict[str, str]) -> dict[str, Any]:
    """What was sent, as the form shows it again."""
    return {
        "name": sent.get("name", ""),
        "query": sent.get("query", "").replace("\r\n", "\n"),
        "description": sent.get("description", "").replace("\r\n", "\n"),
        "interval": frequency(sent),
        "platform": ",".join(name for name in PLATFORM_NAMES if name in sent.getlist("platforms")),
        "min_osquery_version": sent.get("min_osquery_version", ""),
        "logging": sent.get("logging", ""),
        "observer_can_run": "observer_can_run" in sent,
        "automations_enabled": "automations_enabled" in sent,
    }


def read(values: Mapping[str, Any], team_id: int | None) -> NewQuery:
    """The query that a form holds; `Invalid` names each field that is not acceptable."""
    sent = {**values, "team_id": team_id if team_id is not None else ""}
    new, found = parse_form_in_part(NewQuery, sent, service.faults)
    if new.interval > INTERVAL_MAX or values["interval"] == "":
        found.append(Problem("interval", f"must be a number of seconds from 1 to {INTERVAL_MAX:,}"))
    if new.query.strip():
        found += [Problem("query", error) for error in schema.check(new.query).errors]
    if found:
        raise Invalid(found)
    return new


def differences(stored: Query, values: Mapping[str, Any]) -> list[Difference]:
    """What saving would change of the stored query."""
    theirs, mine = ({name: _shown(name, value) for name, value in each.items()} for each in (values_of(stored), values))
    return conflicts.differences(LABELS, theirs, mine)


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "interval":
        text = str(value)
        seconds = digits(text)
        return text if seconds is None else every(seconds)
    if name == "platform":
        return ", ".join(PLATFORM_NAMES.get(part.strip(), part.strip()) for part in value.split(",") if part) or "all"
    return str(value)


def copy_name(name: str) -> str:
    """What "Save as new" proposes when the name is taken."""
    return name if name.startswith("Copy of ") else f"Copy of {name}"
