"""distributed/write: answers are stored in one transaction, and those to live queries handed on."""

import logging

import orjson
from sqlalchemy import Connection, Engine, bindparam, select, update
from sqlalchemy.exc import DataError, IntegrityError

from fleet import clock
from fleet.agents import refusals, wire
from fleet.agents.nodes import Node, Nodes
from fleet.agents.osquery import answers
from fleet.agents.osquery.answers import LiveAnswer, Report
from fleet.agents.osquery.distributed import Asking
from fleet.backplane import Live, Result
from fleet.db import changes
from fleet.db.engine import reading
from fleet.errors import Unavailable
from fleet.hosts import ingest as hosts
from fleet.hosts.models import Host
from fleet.labels import ingest as labels
from fleet.live import service as live_queries
from fleet.live.models import Campaign

log = logging.getLogger("fleet.agents")

NOTHING = b"{}"

_MINE = (Host.id == bindparam("its_id")) & (Host.node_key_digest == bindparam("its_digest"))
_LOCK = select(Host.id).where(_MINE).with_for_update()
_WRITE = update(Host).where(_MINE)
"""Made once, because that costs more than running them; the columns to set are those of the parameters."""


class Writing:
    """Stores what hosts answer."""

    def __init__(self, engine: Engine, nodes: Nodes, asking: Asking, live: Live) -> None:
        self._engine = engine
        self._nodes = nodes
        self._asking = asking
        self._live = live

    def answer(self, body: bytes, address: str) -> bytes:
        """Take the answers of a host."""
        if len(body) > wire.LARGE:
            self._nodes.authenticate(wire.node_key(body))  # before the rest is built in memory
        fields = wire.load(body)
        given = answers.read(fields)
        node = self._nodes.authenticate(wire.text(fields, "node_key"))
        report = answers.sort(given, self._asking.features(), address)
        if report.stored or node.refetch_requested:
            self._store(node, report)
        for live in report.live:
            self._publish(node, live)
        return NOTHING

    def _store(self, node: Node, report: Report) -> None:
        now = clock.now()
        columns = dict(report.columns)
        if report.detailed:
            columns["detail_updated_at"] = now
        if report.labels:
            columns["label_updated_at"] = now
        if report.detailed or node.refetch_requested:
            columns["refetch_requested"] = False
        with self._engine.begin() as connection:
            columns = hosts.display_name(connection, node.id, columns)
            if not self._still_there(connection, node, columns):
                raise refusals.wrong_key("")
            for name, write, rows in report.elsewhere:
                try:
                    with connection.begin_nested():
                        write(connection, node.id, rows)
                except (ValueError, DataError, IntegrityError) as error:
                    log.warning("could not take %s of host %d: %s", name, node.id, type(error).__name__)
            if report.additional:
                hosts.additional(connection, node.id, orjson.dumps(report.additional).decode())
            moved = bool(report.labels) and labels.answered(connection, node.id, report.labels)
            if moved or any(columns.get(name, getattr(node, name)) != getattr(node, name)
                            for name in ("platform", "hostname", "display_name", "os_version")):  # fmt: skip
                changes.announce(connection, changes.HOST, node.id)
        if moved:
            node.packs_epoch = -1
        self._nodes.reported(node, columns)

    def _still_there(self, connection: Connection, node: Node, columns: dict[str, object]) -> bool:
        """Write the row of a host, which also keeps it from being deleted until the transaction ends."""
        mine = {"its_id": node.id, "its_digest": node.digest}
        if not columns:
            return connection.execute(_LOCK, mine).first() is not None
        return connection.execute(_WRITE, columns | mine).rowcount == 1

    def _publish(self, node: Node, answer: LiveAnswer) -> None:
        """Hand on what a host answered to a live query that it was asked. Where nobody takes it, the host stays due:
        it is asked again, and the rest of its write is kept."""
        if answer.campaign_id not in self._live.due(node.id):
            return
        result = Result(
            campaign_id=answer.campaign_id,
            host_id=node.id,
            hostname=node.hostname,
            display_name=node.display_name,
            rows=answer.rows,
            error=answer.message or None,
        )
        try:
            if self._live.publish(result):
                return
        except Unavailable as error:
            log.debug("an answer to campaign %d could not be handed on: %s", answer.campaign_id, error)
            return
        with reading(self._engine) as connection:
            made = connection.execute(
                select(Campaign.created_at).where(Campaign.id == answer.campaign_id)
            ).scalar_one_or_none()
        if made is not None and clock.now() - made < live_queries.READER_MUST_COME:
            log.debug("campaign %d waits for somebody who reads; the host is asked again", answer.campaign_id)
            return
        with self._engine.begin() as connection:
            live_queries.finish(connection, self._live, answer.campaign_id)
