"""The target picker: what stands in its address or form, what can be picked, and the selection in words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from fleet import clock
from fleet.authz.check import Visible
from fleet.db.portable import batches
from fleet.errors import Problem
from fleet.hosts import listing as hosts
from fleet.hosts.listing import Filter, HostRow
from fleet.hosts.models import Host
from fleet.hosts.status import is_online
from fleet.labels.models import ALL_HOSTS, Label, LabelType
from fleet.shapes import MAX_IDS, digits
from fleet.targets import search
from fleet.targets import service as targets
from fleet.targets.service import Selection, TargetCounts
from fleet.teams.models import Team

SHOWN = 50
"""Chosen hosts that are listed; the others are kept and counted."""

FIELDS = ("label_ids", "team_ids", "host_ids")


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to tick."""

    id: int
    name: str
    hosts: int
    ticked: bool


@dataclass(frozen=True, slots=True)
class HostChoice:
    """A host to tick."""

    id: int
    name: str
    online: bool
    ip: str
    mac: str
    os: str
    osquery: str


@dataclass(slots=True)
class Picker:
    """Everything that the picker shows."""

    selection: Selection
    platforms: list[Choice]
    labels: list[Choice]
    teams: list[Choice]
    chosen: list[HostChoice]
    more: list[int]
    found: list[HostChoice]
    match: str
    counts: TargetCounts
    sentence: str
    unknown: list[Problem] = field(default_factory=list)

    @property
    def address(self) -> dict[str, Any]:
        """The selection as parameters of an address."""
        return as_parameters(self.selection)


def as_parameters(selection: Selection) -> dict[str, Any]:
    """A selection as parameters of an address: `label_ids=6,7`."""
    ids = zip(FIELDS, (selection.label_ids, selection.team_ids, selection.host_ids), strict=True)
    return {name: ",".join(map(str, values)) for name, values in ids if values}


def selected(values: MultiDict[str, str]) -> Selection:
    """The selection in an address or a form; what is no id is left out."""
    labels, teams, host_ids = (_ids(values.getlist(name)) for name in FIELDS)
    return Selection(host_ids, labels, teams)


def _ids(texts: Iterable[str]) -> list[int]:
    parts = [part.strip() for text in texts for part in text.split(",")][:MAX_IDS]
    return list(dict.fromkeys(number for number in map(digits, parts) if number))


def picker(session: Session, selection: Selection, visible: Visible, match: str) -> Picker:
    """What can be picked by somebody who sees `visible`, with this selection ticked."""
    labels = search.find_labels(session, "", visible)
    teams = search.find_teams(session, "", visible)
    platforms = [label for label, _ in labels if label.label_type == LabelType.BUILTIN]
    first = selection.host_ids[:SHOWN]
    chosen = _by_ids(session, first, visible)
    found = hosts.search(session, match, visible, excluded=selection.host_ids[:10_000])
    ticked, ticked_teams = set(selection.label_ids), set(selection.team_ids)
    shown = Picker(
        selection=selection,
        platforms=[_choice(label, count, ticked) for label, count in labels if label in platforms],
        labels=[_choice(label, count, ticked) for label, count in labels if label not in platforms],
        teams=[Choice(team.id, team.name, count, team.id in ticked_teams) for team, _, count in teams],
        chosen=[_host(row) for row in chosen],
        more=list(selection.host_ids[SHOWN:]),
        found=[_host(row) for row in found],
        match=match,
        counts=targets.count(session, selection, visible, clock.now()),
        sentence="",
        unknown=unknown(session, selection),
    )
    shown.sentence = sentence(shown)
    return shown


def unknown(session: Session, selection: Selection) -> list[Problem]:
    """What is selected and does not exist (any more)."""
    problems = []
    for name, word, table, ids in (
        ("label_ids", "label", Label.__table__, selection.label_ids),
        ("team_ids", "team", Team.__table__, selection.team_ids),
        ("host_ids", "host", Host.__table__, selection.host_ids),
    ):
        gone: list[int] = []
        for some in batches(ids):
            there = set(session.scalars(select(table.c.id).where(table.c.id.in_(some))))
            gone += [one for one in some if one not in there]
        if gone:
            listed = ", ".join(map(str, gone[:10])) + (" and others" if len(gone) > 10 else "")
            problems.append(Problem(name, f"There is no {word} with the id {listed}."))
    return problems


def _choice(label: Label, count: int, ticked: set[int]) -> Choice:
    return Choice(label.id, label.name, count, label.id in ticked)


def _by_ids(session: Session, ids: Sequence[int], visible: Visible) -> Sequence[HostRow]:
    if not ids:
        return []
    return session.execute(hosts.shown(Filter(), visible).where(Host.id.in_(ids)).order_by(Host.id)).all()


def _host(row: HostRow) -> HostChoice:
    online = is_online(row.seen_time, row.distributed_interval, row.config_tls_refresh, clock.now())
    name = row.display_name or row.hostname or f"Host {row.id}"
    return HostChoice(row.id, name, online, row.primary_ip, row.primary_mac, row.os_version, row.osquery_version)


def sentence(shown: Picker) -> str:
    """The selection in words; groups are joined by "and", what is in a group by "or"."""
    if ALL_HOSTS in shown.selection.label_ids:
        return "All hosts."
    groups = [
        _either("a platform", "platforms", [one.name for one in shown.platforms if one.ticked]),
        _either("the label", "labels", [one.name for one in shown.labels if one.ticked]),
        _either("the team", "teams", [one.name for one in shown.teams if one.ticked]),
    ]
    words = [group for group in groups if group]
    number = len(shown.selection.host_ids)
    singly = f"{number:,} chosen {'host' if number == 1 else 'hosts'}" if number else ""
    if not words:
        return f"{singly}." if singly else "Nobody yet: choose all hosts, a platform, a label or single hosts."
    text = "Hosts in " + ", and in ".join(words)
    return f"{text}; and {singly}." if singly else f"{text}."


def _either(one: str, many: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    if len(names) == 1:
        return names[0] if one == "a platform" else f"{one} {names[0]}"
    return f"one of the {many} {', '.join(names[:-1])} or {names[-1]}"
