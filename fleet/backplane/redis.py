"""Live queries among several processes, through Redis.

Every process mirrors the running campaigns in memory, so that a check-in costs no round trip. Changes are told on
one channel; results go to the inbox of each process in which somebody reads. Redis counts a subscriber whose
connection has silently died for minutes, so readers also hold a lease: whoever has none is not reading.

A result is in flight until the process that reads has it. When the connection for news breaks (Redis also cuts it
when too much waits on it), what was in flight is lost, and its hosts are asked again.

Redis may come back with nothing of what it knew. Processes notice by a token that is gone, tell it again what
runs, and for a moment take silence for a reader that has not found its way back yet.
"""

import logging
import secrets
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from fleet.backplane import Reader, Result, scripts
from fleet.backplane.due import Due
from fleet.backplane.readers import Readers
from fleet.backplane.sending import AT_ONCE, Sender
from fleet.errors import Unavailable

log = logging.getLogger(__name__)

KEPT = 7 * 24 * 3600
"""Seconds after which a campaign that nobody ended is forgotten."""

LEASE, RENEW, RESYNC, RETRY, HEAR = 6, 2.0, 10.0, 0.5, 0.25
"""Seconds: of a reader's lease, between its renewals, between two comparisons with Redis, before the next try to
connect, and of waiting for news."""

PATIENCE = 60
"""Seconds that a reader is waited for whose lease ran out without its leaving: Redis is out of its reach, or it
died."""

SETTLING = 2 * LEASE
"""Seconds after Redis has lost its memory, until all who read must have said so again."""

TIMEOUT, HEALTH = 3.0, 5
"""Seconds: that Redis has to answer, and of silence before it is asked whether it is there."""

UNANSWERED = int(TIMEOUT / HEAR)
"""Questions of that kind in a row, one each time that news are waited for, after which the connection is dead."""

AWAY = (redis.RedisError, OSError)

Call = tuple[list[str], list[Any]]
"""Keys and arguments of a script."""


class RedisLive:
    """Campaigns that several processes share. `name` tells apart the servers that share one Redis."""

    def __init__(self, url: str, name: str = "fleet") -> None:
        self._redis = _client(url, tries=2)
        # Once only: when this connection is lost, news were lost with it, and that must be noticed.
        self._hearing = _client(url, tries=1)
        # The braces keep all keys of a server on one node of a cluster.
        self._prefix = f"fleet:{{{name}}}:live:"
        self._inbox = f"{self._prefix}inbox:{secrets.token_hex(8)}"
        self._due = Due()
        self._readers = Readers()
        self._start = self._redis.register_script(scripts.START)
        self._publish = self._redis.register_script(scripts.PUBLISH)
        self._lease = self._redis.register_script(scripts.LEASES)
        self._remember = self._redis.register_script(scripts.REMEMBER)
        self._token = b""
        self._unstopped: set[int] = set()  # stopped here while Redis was away; others may not know
        self._stopped = threading.Event()
        self._listening = threading.Event()
        self._received: list[tuple[int, int]] = []  # campaign and host, of results not yet acknowledged
        self._sender = Sender(self._send, AWAY)
        self._thread = threading.Thread(target=self._listen, name="live-listen", daemon=True)
        self._thread.start()
        if not self._listening.wait(TIMEOUT):
            log.warning("Redis does not answer; live queries work once it does")

    def start(self, campaign_id: int, sql: str, host_ids: Collection[int]) -> None:
        """Ask these hosts from their next check-in on."""
        self._due.start(campaign_id, sql, host_ids)
        try:
            self._tell_start(campaign_id, sql, host_ids)
        except AWAY as error:
            self._due.stop(campaign_id)
            raise _unavailable(error) from error

    def stop(self, campaign_id: int) -> None:
        """Ask nobody any more. With Redis away this process stops at once, the others once it is back."""
        self._due.stop(campaign_id)
        try:
            self._tell_stop(campaign_id)
        except AWAY as error:
            self._unstopped.add(campaign_id)
            log.warning("could not yet stop campaign %s everywhere: %s", campaign_id, type(error).__name__)

    def due(self, host_id: int) -> Mapping[int, str]:
        """What a host has yet to answer."""
        return self._due.of(host_id)

    def publish(self, result: Result) -> bool:
        """Hand a result to the readers; then the host is asked no more."""
        if not self._listening.is_set():
            raise _unavailable(None)
        try:
            heard = self._sender.put(self._call(result), 2 * TIMEOUT)
        except (TimeoutError, *AWAY) as error:
            raise _unavailable(error) from error
        if heard < 0:
            raise Unavailable("who reads this live query cannot be reached, try again")
        if heard:
            self._due.done(result.campaign_id, result.host_id)
        return heard > 0

    def read(self, campaign_id: int) -> Reader:
        """Read the results that come from now on."""
        reader = self._readers.open(campaign_id, self._left)
        try:
            self._hold(campaign_id)
        except AWAY as error:
            reader.close()
            raise _unavailable(error) from error
        return reader

    def ping(self) -> None:
        """Raise `Unavailable` when Redis does not answer, or this process does not hear it."""
        try:
            self._redis.ping()
        except AWAY as error:
            raise _unavailable(error) from error
        if not self._listening.wait(TIMEOUT):
            raise _unavailable(None)

    def close(self) -> None:
        """End the threads, give up leases and close connections."""
        self._stopped.set()
        self._sender.close()
        self._thread.join(timeout=2)
        for campaign_id in self._readers.campaigns():
            self._left(campaign_id)
        self._redis.close()
        self._hearing.close()

    # keys and messages

    @property
    def _news(self) -> str:
        return self._prefix + "news"

    @property
    def _memory(self) -> list[str]:
        """Where the token stands, and the note that it is a new one."""
        return [self._prefix + "token", self._prefix + "settling"]

    def _key(self, kind: str, campaign_id: int) -> str:
        return f"{self._prefix}{kind}:{campaign_id}"

    def _say(self, *words: Any) -> bytes:
        return orjson.dumps(words)

    def _tell_start(self, campaign_id: int, sql: str, host_ids: Collection[int], *, unless_known: bool = False) -> None:
        self._start(
            keys=[self._key("sql", campaign_id), self._key("hosts", campaign_id), self._prefix + "active"],
            args=[
                sql.encode("utf-8", "replace"), KEPT, campaign_id, self._news, self._say("start", campaign_id, 0),
                int(unless_known), *host_ids,
            ],
        )  # fmt: skip

    def _tell_stop(self, campaign_id: int) -> None:
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.srem(self._prefix + "active", campaign_id)
            pipeline.delete(*(self._key(kind, campaign_id) for kind in ("sql", "hosts", "flight")))
            pipeline.publish(self._news, self._say("stop", campaign_id, 0))
            pipeline.execute()

    def _call(self, result: Result) -> Call:
        """The call that hands on a result. Made by the thread that has it: what cannot be said harms no other's."""
        return (
            [*(self._key(kind, result.campaign_id) for kind in ("readers", "hosts", "flight")), *self._memory],
            [
                self._say("result", *_packed(result)),
                result.host_id,
                self._news,
                self._say("done", result.campaign_id, result.host_id),
                PATIENCE,
                KEPT,
            ],
        )

    def _send(self, calls: Sequence[Call]) -> list[int]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for keys, args in calls:
                self._publish(keys=keys, args=args, client=pipeline)
            return [int(heard) for heard in pipeline.execute()]

    # what the other processes say

    def _listen(self) -> None:
        while not self._stopped.is_set():
            channels = PubSub(self._hearing.connection_pool, ignore_subscribe_messages=True)
            try:
                channels.subscribe(self._news, self._inbox)
                self._attend(channels)
            except AWAY as error:
                if self._listening.is_set():
                    log.warning("lost Redis: %s", type(error).__name__)
                self._listening.clear()
                self._stopped.wait(RETRY)
            finally:
                self._listening.clear()  # also if this thread ends
                channels.close()

    def _attend(self, channels: PubSub) -> None:
        channels.get_message(timeout=TIMEOUT)  # subscribed: from here on nothing is missed
        self._resync(every=True)
        self._renew()  # only now: what is taken before Redis knows again what runs would be asked once more
        self._ask_again(self._lost(channels))
        self._listening.set()
        renew, resync = time.monotonic() + RENEW, time.monotonic() + RESYNC
        while not self._stopped.is_set():
            message = channels.get_message(timeout=0 if self._received else HEAR)
            if message is not None:
                self._hear(message["data"])
            if self._received and (message is None or len(self._received) >= AT_ONCE):
                self._acknowledge()
            if channels.health_check_response_counter > UNANSWERED:
                raise redis.ConnectionError("no news and no answer")
            now = time.monotonic()
            if now >= renew:
                self._renew()
                renew = now + RENEW
            if now >= resync:
                self._resync()
                resync = now + RESYNC

    def _hear(self, message: bytes) -> None:
        # Also what this process said itself: in this order the mirror is right, whoever was faster.
        try:
            kind, campaign_id, host_id, *rest = orjson.loads(message)
            if not isinstance(campaign_id, int) or not isinstance(host_id, int):
                raise TypeError
            result = Result(campaign_id, host_id, *rest) if kind == "result" else None
            if result is not None and not isinstance(result.rows, list):
                raise TypeError
        except (ValueError, TypeError):
            log.warning("a message on %s that is not ours", self._news)
            return
        if result is not None:
            self._receive(result)
        elif kind == "start":
            self._load(campaign_id)
        elif kind == "stop":
            self._due.stop(campaign_id)
        elif kind == "done":
            self._due.done(campaign_id, host_id)
        elif kind == "again":
            self._due.again(campaign_id, host_id)

    def _receive(self, result: Result) -> None:
        self._received.append((result.campaign_id, result.host_id))
        if not self._readers.offer(result) and self._due.runs(result.campaign_id):
            # The reader left meanwhile, or is too far behind: the host shall answer once more.
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.sadd(self._key("hosts", result.campaign_id), result.host_id)
                pipeline.expire(self._key("hosts", result.campaign_id), KEPT)
                pipeline.publish(self._news, self._say("again", result.campaign_id, result.host_id))
                pipeline.execute()

    def _acknowledge(self) -> None:
        with self._redis.pipeline(transaction=False) as pipeline:
            for campaign_id, host_id in self._received:
                pipeline.srem(self._key("flight", campaign_id), host_id)
            pipeline.execute()
        self._received.clear()

    def _lost(self, channels: PubSub) -> dict[int, set[int]]:
        """What was on its way here when the last connection broke: hosts by campaign."""
        flying = {one: set(map(int, self._members(self._key("flight", one)))) for one in self._readers.campaigns()}
        if any(flying.values()):
            # What was sent since this connection listens is no loss: it comes before a mark that is sent now.
            mark, until = self._say("mark", 0, 0), time.monotonic() + TIMEOUT
            self._redis.publish(self._inbox, mark)
            while (message := channels.get_message(timeout=HEAR)) is None or message["data"] != mark:
                if message is not None:
                    self._hear(message["data"])
                elif time.monotonic() > until:
                    raise redis.ConnectionError("no news and no answer")
        for campaign_id, host_id in self._received:
            flying.get(campaign_id, set()).discard(host_id)
        return flying

    def _ask_again(self, lost: Mapping[int, Collection[int]]) -> None:
        """These hosts shall answer once more."""
        for campaign_id, host_ids in lost.items():
            flight, hosts = self._key("flight", campaign_id), self._key("hosts", campaign_id)
            if host_ids and self._due.runs(campaign_id):
                with self._redis.pipeline(transaction=True) as pipeline:
                    pipeline.srem(flight, *host_ids)
                    pipeline.sadd(hosts, *host_ids)
                    pipeline.expire(hosts, KEPT)
                    pipeline.publish(self._news, self._say("start", campaign_id, 0))
                    pipeline.execute()

    def _load(self, campaign_id: int) -> None:
        if campaign_id in self._unstopped:
            self._tell_stop(campaign_id)
            return
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.get(self._key("sql", campaign_id))
            pipeline.smembers(self._key("hosts", campaign_id))
            sql, hosts = pipeline.execute()
        if sql is None:
            self._due.stop(campaign_id)
            self._redis.srem(self._prefix + "active", campaign_id)
        else:
            self._due.start(campaign_id, sql.decode(), {int(host) for host in hosts})

    def _restore(self) -> None:
        """If Redis has lost its memory, tell it again what runs."""
        known = self._token
        self._token = self._remember(keys=self._memory, args=[secrets.token_hex(8), known, SETTLING])
        if known in (b"", self._token):
            return
        for campaign_id, sql, host_ids in self._due.running():
            # Whoever is back first tells; the others have the same to say.
            self._tell_start(campaign_id, sql, host_ids, unless_known=True)

    def _resync(self, *, every: bool = False) -> None:
        """Make the mirror what Redis says, whatever was missed. `every`: also where the numbers agree."""
        self._restore()
        known = self._due.counts()
        active = sorted(int(one) for one in self._members(self._prefix + "active"))
        for campaign_id in set(known) - set(active):
            self._due.stop(campaign_id)
        if not active:
            return
        with self._redis.pipeline(transaction=False) as pipeline:
            for campaign_id in active:
                pipeline.scard(self._key("hosts", campaign_id))
                pipeline.exists(self._key("sql", campaign_id))
            answers = iter(pipeline.execute())
        for campaign_id, left, alive in zip(active, answers, answers, strict=True):
            if every or known.get(campaign_id) != left or not alive:
                self._load(campaign_id)

    def _members(self, key: str) -> set[bytes]:
        return set(self._redis.smembers(key))  # type: ignore[arg-type]

    # leases of readers

    def _hold(self, campaign_id: int) -> None:
        self._lease(keys=[self._key("readers", campaign_id)], args=[self._inbox, LEASE, PATIENCE])

    def _renew(self) -> None:
        for campaign_id in self._readers.campaigns():
            self._hold(campaign_id)

    def _left(self, campaign_id: int) -> None:
        try:
            self._redis.zrem(self._key("readers", campaign_id), self._inbox)
            if campaign_id in self._readers.campaigns() and not self._stopped.is_set():  # somebody came meanwhile
                self._hold(campaign_id)
        except AWAY as error:
            log.warning("could not give up a lease: %s", type(error).__name__)


def _client(url: str, *, tries: int) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=Retry(NoBackoff(), tries - 1),
        health_check_interval=HEALTH,
    )


def _packed(result: Result) -> tuple[Any, ...]:
    return (
        result.campaign_id, result.host_id, result.hostname, result.display_name, result.rows, result.error,
    )  # fmt: skip


def _unavailable(error: BaseException | None) -> Unavailable:
    return Unavailable(f"Redis does not answer ({type(error).__name__ if error else 'connecting'}), try again")
