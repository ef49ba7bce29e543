"""The forms of packs and of their entries: what people fill in, and how it becomes one."""

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict

from fleet.errors import Invalid, Problem
from fleet.names import is_blank
from fleet.packs.entries import is_interval
from fleet.packs.models import ScheduledQuery
from fleet.packs.reach import Aim
from fleet.packs.schemas import EntryChange, NewEntry, NewPack, PackChange
from fleet.packs.service import Targets
from fleet.queries.forms import frequency
from fleet.queries.schedule import INTERVAL_MAX, logging_of, switches
from fleet.queries.schema_pages import PLATFORM_NAMES
from fleet.queries.service import LOGGING
from fleet.shapes import digits
from fleet.web.parsing import parse_form

PACK_LABELS = {"name": "Name", "description": "Description", "host_ids": "Hosts", "label_ids": "Labels"}
ENTRY_LABELS = {
    "query_id": "Query",
    "interval": "Custom frequency",
    "logging": "Logging",
    "platforms": "Platforms",
    "version": "Minimum osquery version",
    "shard": "Share of hosts",
}

Values = dict[str, Any]


def ids(sent: MultiDict[str, str], name: str) -> list[int]:
    """The ids that were ticked, each once."""
    return list(dict.fromkeys(number for number in map(digits, sent.getlist(name)) if number))


def typed_pack(sent: MultiDict[str, str]) -> Values:
    """What was sent about a pack, as the form shows it again."""
    return {
        "name": sent.get("name", ""),
        "description": sent.get("description", "").replace("\r\n", "\n"),
        **{name: ids(sent, name) for name in ("label_ids", "host_ids", "team_ids")},
    }


def pack_values(name: str, description: str, targets: Targets) -> Values:
    """The fields of a pack as a form shows them."""
    chosen = targets.selection
    return {
        "name": name,
        "description": description,
        "label_ids": list(chosen.label_ids),
        "host_ids": list(chosen.host_ids),
        "team_ids": list(chosen.team_ids),
    }


def aim(values: Values) -> Aim:
    """What the form is aimed at."""
    return Aim(values["label_ids"], values["host_ids"], values["team_ids"])


def host_match(sent: MultiDict[str, str]) -> str:
    """What somebody looks for among the hosts."""
    return sent.get("host_query", "").replace("\x00", "").strip()[:255]


def read_pack(values: Values) -> NewPack:
    """The pack that a form holds; `Invalid` names each field that is not acceptable."""
    if is_blank(values["name"]):
        raise Invalid("pack name cannot be empty", name="name")
    return parse_form(NewPack, values)


def read_pack_change(values: Values) -> PackChange:
    """The same as a change of all that the form shows."""
    return PackChange.model_validate(read_pack(values).model_dump(exclude={"platform", "disabled"}))


def typed_entry(sent: MultiDict[str, str]) -> Values:
    """What was sent about an entry, as the form shows it again."""
    return {
        "query_id": sent.get("query_id", ""),
        "interval": frequency(sent),
        "logging": sent.get("logging", "snapshot"),
        "platform": ",".join(name for name in PLATFORM_NAMES if name in sent.getlist("platforms")),
        "version": sent.get("version", "").strip(),
        "shard": sent.get("shard", "").strip(),
    }


def entry_values(entry: ScheduledQuery) -> Values:
    """The fields of an entry as a form shows them."""
    return {
        "query_id": entry.query_id,
        "interval": entry.interval,
        "logging": logging_of(bool(entry.snapshot), entry.removed is not False),
        "platform": entry.platform or "",
        "version": entry.version or "",
        "shard": "" if entry.shard is None else entry.shard,
    }


NEW_ENTRY: Values = {
    "query_id": "", "interval": 3600, "logging": "snapshot", "platform": "", "version": "", "shard": "",
}  # fmt: skip


def read_entry(values: Values, pack_id: int) -> NewEntry:
    """The entry that a form holds; `Invalid` names each field that is not acceptable."""
    found = []
    if digits(str(values["query_id"])) is None:
        found.append(Problem("query_id", "choose a query"))
    if not is_interval(digits(str(values["interval"])) or 0):
        found.append(Problem("interval", f"must be a number of seconds from 1 to {INTERVAL_MAX:,}"))
    shard = str(values["shard"])
    if shard and not digits(shard, 100):
        found.append(Problem("shard", "must be a number from 1 to 100, or empty for all hosts"))
    if values["logging"] not in LOGGING:
        found.append(Problem("logging", "is not one of the choices"))
    if found:
        raise Invalid(found)
    snapshot, removed = switches(values["logging"])
    sent: Mapping[str, Any] = {name: values[name] for name in ("query_id", "interval", "platform", "version", "shard")}
    given = {**sent, "pack_id": pack_id, "snapshot": snapshot, "removed": removed}
    return parse_form(NewEntry, given)


def read_entry_change(values: Values, pack_id: int) -> EntryChange:
    """The same as a change of all that the form shows."""
    new = read_entry(values, pack_id)
    given = new.model_dump(exclude={"pack_id", "platform", "version", "shard"})
    emptied = {"platform": new.platform or "", "version": new.version or "", "shard": new.shard if new.shard else ""}
    return EntryChange.model_validate(given | emptied)
