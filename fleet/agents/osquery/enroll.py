"""Enrolling: a secret and an identifier become a node key."""

import logging
from typing import Any

import orjson
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from fleet import keys
from fleet.agents import wire
from fleet.agents.osquery.detail_queries import BY_NAME
from fleet.agents.wire import Fields
from fleet.db import changes
from fleet.db.changes import Watcher
from fleet.db.engine import reading
from fleet.errors import NodeInvalid
from fleet.hosts import enrolling
from fleet.labels import ingest as labels
from fleet.settings import Osquery
from fleet.teams import secrets

log = logging.getLogger("fleet.agents")

LONGEST = 255
USED = ("os_version", "osquery_info", "system_info")
"""Tables of the host details that are taken; the rest comes with the first detail queries."""

IDENTIFIED_BY = {
    "instance": ("osquery_info", "instance_id"),
    "uuid": ("osquery_info", "uuid"),
    "hostname": ("system_info", "hostname"),
}


class Enrolling:
    """The route of hosts that have no node key yet, or a wrong one."""

    def __init__(self, engine: Engine, watcher: Watcher, settings: Osquery) -> None:
        self._engine = engine
        self._watcher = watcher
        self._settings = settings

    def answer(self, body: bytes) -> bytes:
        """A node key for whoever knows an enroll secret; anybody else `NodeInvalid`."""
        fields = wire.load(body)
        secret = wire.text(fields, "enroll_secret")
        provided = wire.text(fields, "host_identifier")
        details = _details(fields)
        with reading(self._engine) as connection:  # strangers do not get at the write lock
            if not secrets.verify(connection, secret)[0]:
                raise _no_secret()
        identifier = self._identifier(provided, details)
        if not identifier:
            raise NodeInvalid("save enroll failed: missing osquery host identifier")
        if len(identifier) > LONGEST:
            raise NodeInvalid(f"save enroll failed: the host identifier is longer than {LONGEST} characters")
        node_key = keys.random_key(self._settings.node_key_size)
        columns: dict[str, Any] = {}
        for table in USED:
            to_columns = BY_NAME[table].to_columns
            if table in details and to_columns is not None:
                columns |= to_columns([details[table]], "")
        try:
            self._store(secret, identifier, node_key, columns)
        except IntegrityError:  # the same host enrolled twice at once: now its row is there
            self._store(secret, identifier, node_key, columns)
        try:
            self._watcher.poll()
        except SQLAlchemyError as error:
            log.warning("could not read changes: %s", type(error).__name__)
        return orjson.dumps({"node_key": node_key})

    def _identifier(self, provided: str, details: dict[str, dict[str, str]]) -> str:
        place = IDENTIFIED_BY.get(self._settings.host_identifier)
        if place is None:
            return provided
        return details.get(place[0], {}).get(place[1]) or provided

    def _store(self, secret: str, identifier: str, node_key: str, columns: dict[str, Any]) -> None:
        with self._engine.begin() as connection:
            known, team_id = secrets.verify(connection, secret)
            if not known:
                raise _no_secret()
            try:
                host_id = enrolling.enroll(
                    connection,
                    identifier,
                    node_key_digest=keys.digest(node_key),
                    team_id=team_id,
                    columns=columns,
                    cooldown=self._settings.enroll_cooldown,
                )
            except enrolling.TooOften:
                raise NodeInvalid(f"save enroll failed: host identified by {identifier} enrolling too often") from None
            labels.join_all_hosts(connection, host_id)
            changes.announce(connection, changes.HOST, host_id)
        log.info("host enrolled", extra={"fields": {"host_id": host_id, "identifier": identifier}})


def _no_secret() -> NodeInvalid:
    return NodeInvalid("enroll failed: no matching secret found: EnrollSecret was not found in the datastore")


def _details(fields: Fields) -> dict[str, dict[str, str]]:
    """The host details that are used, as texts by table and column."""
    given = wire.mapping(fields, "host_details")
    details: dict[str, dict[str, str]] = {}
    for table in USED:
        row = given.get(table)
        if row is None:
            continue
        if not isinstance(row, dict) or not all(isinstance(cell, str | None) for cell in row.values()):
            raise wire.undecodable()
        details[table] = {name: cell or "" for name, cell in row.items()}
    return details
