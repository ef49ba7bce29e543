"""The configuration of osqueryd: agent options, and the packs and scheduled queries that are meant for a host."""

import json
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Connection, Engine, bindparam, select, update

from fleet.agents.memory import Remembered
from fleet.agents.nodes import Node
from fleet.app_config import service as app_config
from fleet.db import changes
from fleet.db.engine import reading
from fleet.hosts.models import Host
from fleet.packs.models import Pack, PackTarget, ScheduledQuery
from fleet.packs.reach import reaches
from fleet.queries.models import Query
from fleet.queries.schedule import runs_for
from fleet.teams.models import Team

MOST_SECONDS = 2**32 - 1
INTERVALS = {
    "distributed_interval": "distributed_interval",
    "logger_tls_period": "logger_tls_period",
    "config_refresh": "config_tls_refresh",
}
"""Options of osqueryd, and the columns of the host that they set."""

LOGGING = {
    "snapshot": {"snapshot": True},
    "differential": {"removed": True},
    "differential_ignore_removals": {"removed": False},
}

TOPICS = {changes.CONFIG, changes.LABELS, changes.APP_CONFIG}

_REACHING = (
    select(Pack.__table__.c.id)
    .where(reaches(bindparam("host_id", type_=BigInteger), bindparam("team_id", type_=BigInteger)))
    .order_by(Pack.__table__.c.id)
)

_ANY_TARGET = select(PackTarget.__table__.c.id).limit(1)

Key = tuple[int | None, str, tuple[int, ...]]


class Ready(NamedTuple):
    """A configuration as it is sent, and the intervals it asks for, by column of the host."""

    body: bytes
    intervals: dict[str, int]

    def agrees(self, node: Node) -> bool:
        """Whether the host is known to have these intervals."""
        return all(getattr(node, column) == seconds for column, seconds in self.intervals.items())


class Configs:
    """Ready configurations by team, platform and packs; dropped when anything in them changes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ready: Remembered[Key, Ready] = Remembered()
        self._without_packs = -1  # the epoch of `_ready` in which no pack is aimed at anybody

    def changed(self, topic: str, _subject: int) -> None:
        """Somebody changed something: forget all if it is part of configurations."""
        if topic in TOPICS:
            self._ready.drop()

    def at_once(self, node: Node) -> bytes | None:
        """The configuration of a host, if it is in memory and there is nothing to write."""
        if node.packs_epoch != self._ready.epoch:
            if self._without_packs != self._ready.epoch:
                return None
            node.packs, node.packs_epoch = (), self._without_packs
        ready = self._ready.peek((node.team_id, node.platform, node.packs))
        return ready.body if ready is not None and ready.agrees(node) else None

    def answer(self, node: Node) -> bytes:
        """The configuration of a host; intervals that it sets are written to the host."""
        epoch = self._ready.epoch
        if node.packs_epoch != epoch:
            with reading(self._engine) as connection:
                node.packs = _packs_of(connection, node)
                if not node.packs and self._without_packs != epoch and connection.execute(_ANY_TARGET).first() is None:
                    self._without_packs = epoch
            node.packs_epoch = epoch
        key = node.team_id, node.platform, node.packs
        ready = self._ready.fetch(key, lambda: self._build(*key))
        if not ready.agrees(node):
            with self._engine.begin() as connection:
                connection.execute(update(Host).where(Host.id == node.id).values(ready.intervals))
            for column, seconds in ready.intervals.items():
                setattr(node, column, seconds)
        return ready.body

    def _build(self, team_id: int | None, platform: str, pack_ids: tuple[int, ...]) -> Ready:
        with reading(self._engine) as connection:
            config = dict(_options(connection, team_id, platform))
            packs = _packs(connection, pack_ids) | _scheduled(connection, team_id)
        if packs:
            config["packs"] = packs
        return Ready(_dumped(config), _intervals(config))


def _options(connection: Connection, team_id: int | None, platform: str) -> dict[str, Any]:
    """The options for a platform: the team's if it has any, else everybody's; an override replaces them whole."""
    options = None
    if team_id is not None:
        options = connection.execute(select(Team.agent_options).where(Team.id == team_id)).scalar_one_or_none()
    if options is None:
        options = app_config.get(connection).agent_options or {}
    override = _mapping(_mapping(options.get("overrides")).get("platforms")).get(platform)
    return _mapping(options.get("config")) if override is None else _mapping(override)


def _packs_of(connection: Connection, node: Node) -> tuple[int, ...]:
    return tuple(connection.execute(_REACHING, {"host_id": node.id, "team_id": node.team_id}).scalars())


def _packs(connection: Connection, pack_ids: tuple[int, ...]) -> dict[str, Any]:
    if not pack_ids:
        return {}
    packs: dict[int, dict[str, Any]] = {}
    names = {}
    for row in connection.execute(select(Pack.id, Pack.name, Pack.platform).where(Pack.id.in_(pack_ids))):
        names[row.id] = row.name
        packs[row.id] = ({"platform": row.platform} if row.platform else {}) | {"queries": {}}
    columns = ScheduledQuery.__table__.c
    entries = connection.execute(
        select(Query.query, *columns)
        .join(Query, Query.id == columns.query_id)
        .where(columns.pack_id.in_(pack_ids))
        .order_by(columns.id)
    )
    for entry in entries.mappings():
        if entry["pack_id"] not in packs:
            continue
        member = {"query": entry["query"], "interval": entry["interval"]}
        for name in ("platform", "version", "removed", "shard", "denylist"):
            if entry[name] is not None:
                member[name] = entry[name]
        if entry["snapshot"]:
            member["snapshot"] = True
        packs[entry["pack_id"]]["queries"][entry["name"]] = member
    return {names[pack_id]: packs[pack_id] for pack_id in sorted(packs)}


def _scheduled(connection: Connection, team_id: int | None) -> dict[str, Any]:
    """The saved queries that are scheduled for everybody, and those for the team."""
    found = connection.execute(
        select(Query.team_id, Query.name, Query.query, Query.interval, Query.platform, Query.min_osquery_version,
               Query.logging)
        .where(runs_for(team_id))
        .order_by(Query.id)
    )  # fmt: skip
    packs: dict[str, Any] = {}
    for row in found:
        pack = "Global" if row.team_id is None else f"team-{row.team_id}"
        packs.setdefault(pack, {"queries": {}})["queries"][row.name] = {
            "query": row.query,
            "interval": row.interval,
            "platform": row.platform,
            "version": row.min_osquery_version,
        } | LOGGING.get(row.logging, {})
    return packs


def _intervals(config: dict[str, Any]) -> dict[str, int]:
    options = _mapping(config.get("options"))
    found = {}
    for option, column in INTERVALS.items():
        seconds = _seconds(options.get(option))
        if seconds is not None:
            found[column] = seconds
    return found


def _seconds(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= MOST_SECONDS else None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dumped(config: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(config)
    except TypeError:  # an integer beyond 64 bits in the options of somebody
        return json.dumps(config).encode()
