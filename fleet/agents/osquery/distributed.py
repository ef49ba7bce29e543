"""distributed/read: what a host is asked when it calls."""

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson
from sqlalchemy import Engine, or_, select

from fleet.agents.memory import Remembered
from fleet.agents.nodes import Node, Nodes
from fleet.agents.osquery import detail_queries
from fleet.agents.osquery.detail_queries import ALWAYS, DetailQuery
from fleet.app_config import service as app_config
from fleet.app_config.schemas import Features
from fleet.backplane import Live
from fleet.db import changes
from fleet.db.engine import reading
from fleet.labels.models import Label, MembershipType

DETAIL, ADDITIONAL = detail_queries.PREFIX, "fleet_additional_query_"
LABEL, LIVE = "fleet_label_query_", "fleet_distributed_query_"

ACCELERATE = b',"accelerate":10'
"""Call every five seconds for so long: sent until a host has told its name and platform."""

QUIET = b'{"queries":{},"discovery":{}}'
QUIET_ACCELERATE = b'{"queries":{},"discovery":{}' + ACCELERATE + b"}"


class Question(NamedTuple):
    """A query by the name under which it goes over the wire."""

    name: str
    sql: str
    discovery: str = ALWAYS


class Part(NamedTuple):
    """Members of the answer's two objects, as ready JSON."""

    queries: bytes
    discovery: bytes

    @classmethod
    def of(cls, questions: Iterable[Question]) -> "Part":
        """The part that asks these questions."""
        asked = list(questions)
        return cls(
            orjson.dumps({question.name: question.sql for question in asked})[1:-1],
            orjson.dumps({question.name: question.discovery for question in asked})[1:-1],
        )


class Asking:
    """Knows what is asked of which platform, and what a host is due for."""

    def __init__(self, engine: Engine, nodes: Nodes, live: Live) -> None:
        self._engine = engine
        self._nodes = nodes
        self._live = live
        self._features: Remembered[None, Features] = Remembered()
        self._details: Remembered[tuple[str, bool], Part] = Remembered()
        self._labels: Remembered[str, Part] = Remembered()

    def changed(self, topic: str, _subject: int) -> None:
        """Somebody changed something: forget what it is part of."""
        if topic == changes.APP_CONFIG:
            self._features.drop()
            self._details.drop()
        elif topic == changes.LABELS:
            self._labels.drop()

    def features(self) -> Features:
        """What the app config says is asked of hosts."""
        return self._features.fetch(None, self._load_features)

    def at_once(self, node: Node) -> bytes | None:
        """The answer to a host that is due for nothing but live queries, from memory."""
        if node.due(time.time()):
            return None
        live = self._live.due(node.id)
        if live:
            return _answer(node, [_live_part(live)])
        return QUIET if node.hostname and node.platform else QUIET_ACCELERATE

    def current(self, node: Node) -> Node:
        """What memory says is due is looked up again: another process may have had the answers."""
        return self._nodes.again(node) if node.due(time.time()) else node

    def answer(self, node: Node) -> bytes:
        """The answer to any host, due or not."""
        now = time.time()
        parts = []
        if node.refetch_requested or now > node.detail_due:
            parts.append(self._detail_part(node.platform, critical=False))
        elif now < node.critical_until:
            parts.append(self._detail_part(node.platform, critical=True))
        if node.refetch_requested or now > node.label_due:
            parts.append(self._label_part(node))
        live = self._live.due(node.id)
        if live:
            parts.append(_live_part(live))
        return _answer(node, parts)

    def _detail_part(self, platform: str, *, critical: bool) -> Part:
        def build() -> Part:
            features = self.features()
            asked = detail_queries.asked(features).values()
            questions = [
                _question(query) for query in asked if query.asks(platform) and (query.critical or not critical)
            ]
            if not critical:
                questions += [
                    Question(ADDITIONAL + name, sql) for name, sql in (features.additional_queries or {}).items()
                ]
            return Part.of(questions)

        return self._details.fetch((platform, critical), build)

    def _label_part(self, node: Node) -> Part:
        centos = node.platform == "rhel" and "centos" in node.os_version.lower()
        platform = "centos" if centos else node.platform

        def build() -> Part:
            with reading(self._engine) as connection:
                found = connection.execute(
                    select(Label.id, Label.query)
                    .where(Label.label_membership_type == MembershipType.DYNAMIC)
                    .where(or_(Label.platform == "", Label.platform == platform))
                    .order_by(Label.id)
                ).all()
            return Part.of(Question(f"{LABEL}{row.id}", row.query) for row in found)

        return self._labels.fetch(platform, build)

    def _load_features(self) -> Features:
        with reading(self._engine) as connection:
            return app_config.get(connection).features


def _question(query: DetailQuery) -> Question:
    return Question(DETAIL + query.name, query.sql, query.discovery)


def _live_part(live: Mapping[int, str]) -> Part:
    return Part.of(Question(f"{LIVE}{campaign_id}", sql) for campaign_id, sql in live.items())


def _answer(node: Node, parts: list[Part]) -> bytes:
    queries = b",".join([part.queries for part in parts if part.queries])
    discovery = b",".join([part.discovery for part in parts if part.discovery])
    accelerate = b"" if node.hostname and node.platform else ACCELERATE
    return b'{"queries":{' + queries + b'},"discovery":{' + discovery + b"}" + accelerate + b"}"
