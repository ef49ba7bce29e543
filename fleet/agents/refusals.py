"""How agents are told no. Only a wrong key says `node_invalid`: it makes osqueryd enroll anew."""

import logging
import uuid

import orjson
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fleet.errors import FleetError, NodeInvalid
from fleet.web.errors import database_error, envelope

log = logging.getLogger("fleet.agents")

SHOWN = 128
"""Characters of a wrong key that are said back to whoever sent it."""


class OsqueryError(FleetError):
    """A request that can be read but not be served; in osquery's envelope, without `node_invalid`."""

    status = 400


def missing_key() -> NodeInvalid:
    """The refusal of a request without a node key."""
    return NodeInvalid("authentication error: missing node key")


def wrong_key(key: str) -> NodeInvalid:
    """The refusal of a node key that no host has."""
    return NodeInvalid(f"authentication error: invalid node key: {key[:SHOWN]}")


def of_database(error: DBAPIError | PoolTimeout) -> OsqueryError:
    """What an agent is told while the database does not answer: try again, keep the key."""
    refusal = database_error(error)
    return OsqueryError(f"database: {refusal.problems[0].reason}", status=max(refusal.status, 500))


def present(error: FleetError) -> tuple[int, bytes]:
    """Status and body of a refusal."""
    if not isinstance(error, (NodeInvalid, OsqueryError)):
        return error.status, orjson.dumps(envelope(error))
    reference = str(uuid.uuid4())
    body: dict[str, str | bool] = {"error": _clean(str(error.problems[0].reason))}
    if isinstance(error, NodeInvalid):
        body["node_invalid"] = True  # the reason is not logged, it can hold a key
        log.debug("refused", extra={"fields": {"status": error.status, "uuid": reference}})
    else:
        log.info("refused", extra={"fields": {"status": error.status, "reason": str(error), "uuid": reference}})
    return error.status, orjson.dumps(body | {"uuid": reference})


def _clean(reason: str) -> str:
    return reason.encode("utf-8", "replace").decode()
