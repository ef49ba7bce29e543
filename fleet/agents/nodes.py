"""Node key to node: the small row by which the agents' door knows a host, in memory for five minutes at most."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, RowMapping, bindparam, select

from fleet import keys
from fleet.agents import refusals
from fleet.agents.osquery.schedule import Schedule
from fleet.db import changes
from fleet.db.engine import reading
from fleet.hosts.models import Host

KEPT = 300.0
"""Seconds that a node is believed unseen; changes of hosts are told within a quarter of one (`db/changes.py`)."""
UNKNOWN_KEPT = 5.0
MOST_UNKNOWN = 10_000

_BY_DIGEST = select(
    Host.id, Host.team_id, Host.platform, Host.os_version, Host.hostname, Host.display_name, Host.detail_updated_at,
    Host.label_updated_at, Host.refetch_requested, Host.refetch_critical_queries_until, Host.distributed_interval,
    Host.config_tls_refresh, Host.logger_tls_period,
).where(Host.node_key_digest == bindparam("digest"))  # fmt: skip


@dataclass(slots=True)
class Node:
    """A host as the agents' door knows it."""

    key: str
    digest: str
    id: int
    team_id: int | None
    platform: str
    os_version: str
    hostname: str
    display_name: str
    refetch_requested: bool
    critical_until: float
    distributed_interval: int
    config_tls_refresh: int
    logger_tls_period: int
    detail_due: float = 0.0
    label_due: float = 0.0
    kept_until: float = 0.0
    packs: tuple[int, ...] = ()
    packs_epoch: int = field(default=-1)  # of the memory of configs; another one: look the packs up again

    def due(self, now: float) -> bool:
        """Whether anything but live queries is due."""
        return self.refetch_requested or now > self.detail_due or now > self.label_due or now < self.critical_until

    def keep_packs_of(self, former: "Node | None") -> None:
        """Take over what is known of the host's packs, unless what they depend on has changed since."""
        if former is not None and (former.team_id, former.label_due) == (self.team_id, self.label_due):
            self.packs, self.packs_epoch = former.packs, former.packs_epoch


class Nodes:
    """The nodes that this process knows, and the keys that it knows to be wrong."""

    def __init__(self, engine: Engine, schedule: Schedule, seen: Callable[[int], None]) -> None:
        self._engine = engine
        self._schedule = schedule
        self._seen = seen
        self._by_key: dict[str, Node] = {}
        self._keys: dict[int, str] = {}
        self._unknown: dict[str, float] = {}  # by digest: what strangers send can be long
        self._epoch = 0
        self._swept = time.monotonic()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._by_key)

    def known(self, key: str) -> Node | None:
        """Who called, from memory; none: not in memory. A key known to be wrong raises `NodeInvalid`."""
        if not key:
            raise refusals.missing_key()
        node = self._by_key.get(key)
        now = time.monotonic()
        if node is not None:
            if now >= node.kept_until:
                return None
            self._seen(node.id)
            return node
        if self._unknown and now < self._unknown.get(keys.digest(key), 0.0):
            raise refusals.wrong_key(key)
        return None

    def authenticate(self, key: str) -> Node:
        """Who called, at the price of one statement when that is not in memory; else `NodeInvalid`."""
        node = self.known(key) or self._load(key)
        if node is None:
            raise refusals.wrong_key(key)
        self._seen(node.id)
        return node

    def again(self, node: Node) -> Node:
        """The node as it stands in the database now; one that is gone raises `NodeInvalid`."""
        fresh = self._load(node.key)
        if fresh is None:
            raise refusals.wrong_key("")
        return fresh

    def reported(self, node: Node, columns: Mapping[str, Any]) -> None:
        """Take over what was just written to the row of a host."""
        for name, value in columns.items():
            if name == "detail_updated_at":
                node.detail_due = self._schedule.detail_due(node.id, value.timestamp())
            elif name == "label_updated_at":
                node.label_due = self._schedule.label_due(node.id, value.timestamp())
            elif name in Node.__slots__:
                setattr(node, name, value)

    def changed(self, topic: str, subject: int) -> None:
        """Somebody changed something: forget the host that it is about, or all (0)."""
        if topic != changes.HOST:
            return
        with self._lock:
            self._epoch += 1
            if subject:
                self._by_key.pop(self._keys.pop(subject, ""), None)
            else:
                self._by_key, self._keys, self._unknown = {}, {}, {}

    def _load(self, key: str) -> Node | None:
        epoch, digest = self._epoch, keys.digest(key)
        with reading(self._engine) as connection:
            row = connection.execute(_BY_DIGEST, {"digest": digest}).mappings().one_or_none()
        with self._lock:
            now = time.monotonic()
            if now - self._swept > KEPT:
                self._sweep(now)
            if row is None:
                self._by_key.pop(key, None)
                if len(self._unknown) >= MOST_UNKNOWN:
                    self._unknown.pop(next(iter(self._unknown)))
                self._unknown[digest] = now + UNKNOWN_KEPT
                return None
            node = self._node(key, digest, row, kept_until=now + KEPT)
            node.keep_packs_of(self._by_key.get(key))
            if epoch == self._epoch:  # nobody changed a host while the row was read
                former = self._keys.get(node.id, key)
                if former != key:  # enrolled anew in another process, which has not said so yet
                    self._by_key.pop(former, None)
                self._by_key[key] = node
                self._keys[node.id] = key
                self._unknown.pop(digest, None)
        return node

    def _sweep(self, now: float) -> None:
        self._swept = now
        self._unknown = {digest: until for digest, until in self._unknown.items() if until > now}
        for key in [key for key, node in self._by_key.items() if node.kept_until < now]:
            node = self._by_key.pop(key)
            if self._keys.get(node.id) == key:
                del self._keys[node.id]

    def _node(self, key: str, digest: str, row: RowMapping, *, kept_until: float) -> Node:
        until: datetime | None = row["refetch_critical_queries_until"]
        return Node(
            key=key,
            digest=digest,
            id=row["id"],
            team_id=row["team_id"],
            platform=row["platform"],
            os_version=row["os_version"],
            hostname=row["hostname"],
            display_name=row["display_name"],
            refetch_requested=row["refetch_requested"],
            critical_until=until.timestamp() if until else 0.0,
            distributed_interval=row["distributed_interval"],
            config_tls_refresh=row["config_tls_refresh"],
            logger_tls_period=row["logger_tls_period"],
            detail_due=self._schedule.detail_due(row["id"], row["detail_updated_at"].timestamp()),
            label_due=self._schedule.label_due(row["id"], row["label_updated_at"].timestamp()),
            kept_until=kept_until,
        )
