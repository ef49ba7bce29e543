"""What is said on a WebSocket: who are you, which campaign, then totals, results and status as they come."""

import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_sock import ConnectionClosed
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet.accounts import credentials
from fleet.authz.check import Actor, can_run
from fleet.backplane import Reader, Result
from fleet.db.engine import READS, reading
from fleet.errors import FleetError, NotFound, Unavailable
from fleet.live import service as live_queries
from fleet.live import tickets
from fleet.live.models import CampaignStatus
from fleet.live.wires import NORMAL, Garbled, Wire
from fleet.shapes import MAX_ID
from fleet.web.addresses import own_origin

if TYPE_CHECKING:
    from fleet.runtime import Runtime

log = logging.getLogger(__name__)

SIGNED_OUT = 4401
AUTH_SECONDS, LOOK_SECONDS = 10.0, 0.5
STATUS_EVERY, CHECK_EVERY = 5.0, 10.0
IN_A_ROW = 500
"""Results that are passed on before anything else is looked at."""


class Over(Exception):
    """The conversation ends, with an error message to the client or without."""

    def __init__(self, reason: str = "", code: int = NORMAL) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True)
class Totals:
    """How many hosts are asked."""

    count: int = 0
    online: int = 0
    offline: int = 0
    missing_in_action: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """How far the campaign is."""

    expected_results: int = 0
    actual_results: int = 0
    status: str = "pending"


class Conversation:
    """One client on one socket. Holds no database connection while it waits."""

    def __init__(self, wire: Wire, runtime: "Runtime") -> None:
        self._wire = wire
        self._runtime = runtime
        self._key, self._by_cookie = "", False
        self._totals = Totals()
        self._status = Status()
        self._results = 0

    def run(self) -> None:
        """Talk until either side ends it."""
        try:
            self._wire.open()
            actor, only = self._authenticate()
            self._follow(actor, self._select(only))
        except Over as end:
            self._goodbye(end)
        except ConnectionClosed:
            pass
        except OSError as gone:
            log.info("a socket broke: %s", type(gone).__name__)
        except SQLAlchemyError as error:
            log.warning("a socket is closed: %s", type(error).__name__)
            self._goodbye(Over("the database does not answer, try again"))

    def _goodbye(self, end: Over) -> None:
        try:
            if end.reason:
                self._wire.send("error", end.reason)
            self._wire.close(end.code, "" if end.code == NORMAL else "the session is over")
        except (ConnectionClosed, OSError):
            pass

    # who, and what

    def _message(self) -> tuple[str, Any]:
        message = self._wire.receive(AUTH_SECONDS)
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Garbled
        return message["type"], message.get("data")

    def _authenticate(self) -> tuple[Actor, int | None]:
        try:
            kind, data = self._message()
        except (Garbled, TimeoutError):
            raise Over from None
        token = data.get("token") if isinstance(data, dict) else None
        if kind != "auth" or not isinstance(token, str):
            raise Over
        ticket = None
        if tickets.is_ticket(token):
            ticket = tickets.read(str(current_app.secret_key), token)
            self._key, self._by_cookie = credentials.cookie_key() or "", True
            if ticket is None or not own_origin(missing=False):
                raise Over("unauthorized")
        else:
            self._key = token
        actor = self._actor()
        if actor is None or (ticket and (actor.session_id, actor.user_id) != (ticket.session_id, ticket.user_id)):
            raise Over("unauthorized")
        return actor, ticket.campaign_id if ticket else None

    def _actor(self) -> Actor | None:
        with reading(self._runtime.engine) as connection:
            known = credentials.actor_of_cookie if self._by_cookie else credentials.actor_of
            actor = known(connection, self._key, extend=False)
        return None if actor is None or actor.must_reset_password else actor

    def _select(self, only: int | None) -> int:
        try:
            kind, data = self._message()
        except (Garbled, TimeoutError):
            raise Over("error reading select_campaign") from None
        if kind != "select_campaign":
            raise Over("expected select_campaign")
        chosen = data.get("campaign_id", 0) if isinstance(data, dict) else None
        if type(chosen) is not int or chosen < 0:
            raise Over("error unmarshaling select_campaign data")
        if chosen == 0:
            raise Over("0 is not a valid campaign ID")
        if only is not None and chosen != only:
            raise Over("forbidden")
        return chosen

    # the campaign

    def _follow(self, actor: Actor, campaign_id: int) -> None:
        self._check(actor, campaign_id)
        try:
            reader = self._runtime.live.read(campaign_id)
        except Unavailable as error:
            raise Over(f"error getting campaign reader: {error}") from None
        try:
            with Session(self._runtime.engine) as session, session.begin():
                live_queries.mark(session, campaign_id, CampaignStatus.RUNNING)
            self._stream(actor, campaign_id, reader)
        finally:
            reader.close()
            self._end(campaign_id)

    def _check(self, actor: Actor, campaign_id: int) -> None:
        if not can_run(actor, observer_can_run=True, query_team_id=None, target_teams=None):
            raise Over("forbidden")
        with Session(self._runtime.engine) as session:
            session.connection(execution_options=READS)
            try:
                campaign = live_queries.get(session, campaign_id if campaign_id <= MAX_ID else 0)
            except NotFound:
                raise Over(f"cannot find campaign for ID {campaign_id}") from None
            if campaign.user_id != actor.user_id:
                raise Over("forbidden")

    def _stream(self, actor: Actor, campaign_id: int, reader: Reader) -> None:
        check_at = time.monotonic() + CHECK_EVERY
        status_at = 0.0
        while True:
            now = time.monotonic()
            if now >= status_at:
                self._update(actor, campaign_id)
                status_at = now + STATUS_EVERY
            if now >= check_at:
                actor = self._still(campaign_id)
                check_at = now + CHECK_EVERY
            self._wire.tick()
            result = reader.next(LOOK_SECONDS)
            for _ in range(IN_A_ROW):
                if result is None:
                    break
                self._pass_on(result)
                if self._status.status == "pending" and self._results >= self._status.expected_results:
                    self._update(actor, campaign_id)
                result = reader.next(0)
            if result is not None:
                self._pass_on(result)

    def _still(self, campaign_id: int) -> Actor:
        """Who reads, as they are now: signed out, or stripped of a role, they read no further."""
        actor = self._actor()
        if actor is None:
            raise Over(code=SIGNED_OUT)
        self._check(actor, campaign_id)
        return actor

    def _pass_on(self, result: Result) -> None:
        self._results += 1
        names = {"host_hostname": result.hostname, "host_display_name": result.display_name}
        data: dict[str, Any] = {
            "distributed_query_execution_id": result.campaign_id,
            "host": {"id": result.host_id, "hostname": result.hostname, "display_name": result.display_name},
            "rows": [row | names for row in result.rows],
        }
        self._wire.send("result", data | ({"error": result.error} if result.error else {}))

    def _update(self, actor: Actor, campaign_id: int) -> None:
        try:
            with Session(self._runtime.engine) as session:
                session.connection(execution_options=READS)
                campaign = live_queries.get(session, campaign_id)
                counts = live_queries.progress(session, campaign, actor)
        except (FleetError, SQLAlchemyError):
            raise Over("error retrieving target counts") from None
        # Totals first: clients compare the status with them, and leave at once when they have none.
        totals = Totals(counts.total, counts.online, counts.offline, counts.missing)
        if totals != self._totals:
            self._totals = totals
            self._wire.send("totals", asdict(totals))
        done = self._status.status == "finished" or self._results >= totals.online
        status = Status(totals.online, self._results, "finished" if done else "pending")
        if status != self._status:
            self._status = status
            self._wire.send("status", asdict(status))

    def _end(self, campaign_id: int) -> None:
        try:
            with Session(self._runtime.engine) as session, session.begin():
                live_queries.finish(session, self._runtime.live, campaign_id)
        except SQLAlchemyError as error:
            log.warning("campaign %s stays open: %s", campaign_id, type(error).__name__)
