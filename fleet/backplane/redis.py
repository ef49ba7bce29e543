"""Live queries among several processes, through Redis.

Every process mirrors the running campaigns in memory, so that a check-in costs no round trip. Changes are told on
one channel; results go to the inbox of each process in which somebody reads. Redis counts a subscriber whose
connection has silently died for minutes, so readers also hold a lease: whoever has none is not reading.
"""

import logging
import queue
import secrets
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Any

import orjson
import redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from fleet.backplane import Reader, Result
from fleet.backplane.due import Due
from fleet.backplane.readers import Readers
from fleet.errors import Unavailable

log = logging.getLogger(__name__)

KEPT = 7 * 24 * 3600
"""Seconds after which a campaign that nobody ended is forgotten."""

LEASE, RENEW, RESYNC, RETRY, HEAR = 6, 2.0, 10.0, 0.5, 0.25
"""Seconds: of a reader's lease, between its renewals, between two comparisons with Redis, before the next try to
connect, and of waiting for news."""

TIMEOUT = 3.0
AT_ONCE = 256
"""Results in one round trip."""

PUBLISH = """
local heard = 0
for _, inbox in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], redis.call('TIME')[1], '+inf')) do
  heard = heard + redis.call('PUBLISH', inbox, ARGV[1])
end
if heard > 0 and redis.call('SREM', KEYS[2], ARGV[2]) == 1 then
  redis.call('PUBLISH', ARGV[3], ARGV[4])
end
return heard
"""

LEASES = """
redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2] * 10)
"""

AWAY = (redis.RedisError, OSError)


class RedisLive:
    """Campaigns that several processes share. `name` tells apart the servers that share one Redis."""

    def __init__(self, url: str, name: str = "fleet") -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=15,
        )
        # The braces keep all keys of a server on one node of a cluster.
        self._prefix = f"fleet:{{{name}}}:live:"
        self._inbox = f"{self._prefix}inbox:{secrets.token_hex(8)}"
        self._due = Due()
        self._readers = Readers()
        self._publish = self._redis.register_script(PUBLISH)
        self._lease = self._redis.register_script(LEASES)
        self._outgoing: queue.SimpleQueue[tuple[Result, Future[bool]] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._listening = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, name="live-listen", daemon=True),
            threading.Thread(target=self._send, name="live-publish", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        if not self._listening.wait(TIMEOUT):
            log.warning("Redis does not answer; live queries work once it does")

    def start(self, campaign_id: int, sql: str, host_ids: Collection[int]) -> None:
        """Ask these hosts from their next check-in on."""
        hosts = self._key("hosts", campaign_id)
        self._due.start(campaign_id, sql, host_ids)
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.set(self._key("sql", campaign_id), sql.encode("utf-8", "replace"), ex=KEPT)
                pipeline.delete(hosts)
                if host_ids:
                    pipeline.sadd(hosts, *host_ids)
                    pipeline.expire(hosts, KEPT)
                pipeline.sadd(self._prefix + "active", campaign_id)
                pipeline.publish(self._news, self._say("start", campaign_id, 0))
                pipeline.execute()
        except AWAY as error:
            self._due.stop(campaign_id)
            raise _unavailable(error) from error

    def stop(self, campaign_id: int) -> None:
        """Ask nobody any more. With Redis away this process stops at once, the others when the campaign expires."""
        self._due.stop(campaign_id)
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.srem(self._prefix + "active", campaign_id)
                pipeline.delete(self._key("sql", campaign_id), self._key("hosts", campaign_id))
                pipeline.publish(self._news, self._say("stop", campaign_id, 0))
                pipeline.execute()
        except AWAY as error:
            log.warning("could not stop campaign %s everywhere: %s", campaign_id, type(error).__name__)

    def due(self, host_id: int) -> Mapping[int, str]:
        """What a host has yet to answer."""
        return self._due.of(host_id)

    def publish(self, result: Result) -> bool:
        """Hand a result to the readers; then the host is asked no more."""
        answer: Future[bool] = Future()
        self._outgoing.put((result, answer))
        try:
            heard = answer.result(2 * TIMEOUT)
        except (TimeoutError, *AWAY) as error:
            raise _unavailable(error) from error
        if heard:
            self._due.done(result.campaign_id, result.host_id)
        return heard

    def read(self, campaign_id: int) -> Reader:
        """Read the results that come from now on."""
        reader = self._readers.open(campaign_id, self._left)
        try:
            self._hold(campaign_id)
        except AWAY as error:
            reader.close()
            raise _unavailable(error) from error
        return reader

    def waiting(self, campaign_id: int) -> Collection[int] | None:
        """The hosts that have yet to answer."""
        return self._due.waiting(campaign_id)

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
        self._outgoing.put(None)
        for thread in self._threads:
            thread.join(timeout=2)
        for campaign_id in self._readers.campaigns():
            self._left(campaign_id)
        self._redis.close()

    # keys and messages

    @property
    def _news(self) -> str:
        return self._prefix + "news"

    def _key(self, kind: str, campaign_id: int) -> str:
        return f"{self._prefix}{kind}:{campaign_id}"

    def _say(self, *words: Any) -> bytes:
        return orjson.dumps(words)

    # results on their way out: whatever waits goes in one round trip

    def _send(self) -> None:
        while not self._stopped.is_set():
            first = self._outgoing.get()
            batch = [first] if first is not None else []
            while first is not None and len(batch) < AT_ONCE and not self._outgoing.empty():
                more = self._outgoing.get()
                if more is None:
                    break
                batch.append(more)
            if batch:
                self._send_batch(batch)

    def _send_batch(self, batch: list[tuple[Result, Future[bool]]]) -> None:
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                for result, _ in batch:
                    self._publish(
                        keys=[self._key("readers", result.campaign_id), self._key("hosts", result.campaign_id)],
                        args=[
                            self._say("result", *_packed(result)),
                            result.host_id,
                            self._news,
                            self._say("done", result.campaign_id, result.host_id),
                        ],
                        client=pipeline,
                    )
                answers = pipeline.execute()
        except AWAY as error:
            for _, answer in batch:
                answer.set_exception(error)
            return
        for (_, answer), heard in zip(batch, answers, strict=True):
            answer.set_result(int(heard) > 0)

    # what the other processes say

    def _listen(self) -> None:
        while not self._stopped.is_set():
            channels = PubSub(self._redis.connection_pool, ignore_subscribe_messages=True)
            try:
                channels.subscribe(self._news, self._inbox)
                self._attend(channels)
            except AWAY as error:
                if self._listening.is_set():
                    log.warning("lost Redis: %s", type(error).__name__)
                self._listening.clear()
                self._stopped.wait(RETRY)
            finally:
                channels.close()

    def _attend(self, channels: PubSub) -> None:
        channels.get_message(timeout=TIMEOUT)  # subscribed: from here on nothing is missed
        self._resync()
        self._renew()
        self._listening.set()
        renew, resync = time.monotonic() + RENEW, time.monotonic() + RESYNC
        while not self._stopped.is_set():
            message = channels.get_message(timeout=HEAR)
            if message is not None:
                self._hear(message["data"])
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
        if not self._readers.offer(result) and self._due.waiting(result.campaign_id) is not None:
            # The reader left meanwhile, or is too far behind: the host shall answer once more.
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.sadd(self._key("hosts", result.campaign_id), result.host_id)
                pipeline.expire(self._key("hosts", result.campaign_id), KEPT)
                pipeline.publish(self._news, self._say("again", result.campaign_id, result.host_id))
                pipeline.execute()

    def _load(self, campaign_id: int) -> None:
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.get(self._key("sql", campaign_id))
            pipeline.smembers(self._key("hosts", campaign_id))
            sql, hosts = pipeline.execute()
        if sql is None:
            self._due.stop(campaign_id)
            self._redis.srem(self._prefix + "active", campaign_id)
        else:
            self._due.start(campaign_id, sql.decode(), {int(host) for host in hosts})

    def _resync(self) -> None:
        """Make the mirror what Redis says, whatever was missed."""
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
            if known.get(campaign_id) != left or not alive:
                self._load(campaign_id)

    def _members(self, key: str) -> set[bytes]:
        return set(self._redis.smembers(key))  # type: ignore[arg-type]

    # leases of readers

    def _hold(self, campaign_id: int) -> None:
        self._lease(keys=[self._key("readers", campaign_id)], args=[self._inbox, LEASE])

    def _renew(self) -> None:
        for campaign_id in self._readers.campaigns():
            self._hold(campaign_id)

    def _left(self, campaign_id: int) -> None:
        try:
            self._redis.zrem(self._key("readers", campaign_id), self._inbox)
        except AWAY as error:
            log.warning("could not give up a lease: %s", type(error).__name__)


def _packed(result: Result) -> tuple[Any, ...]:
    return (
        result.campaign_id, result.host_id, result.hostname, result.display_name, result.rows, result.error,
    )  # fmt: skip


def _unavailable(error: BaseException | None) -> Unavailable:
    return Unavailable(f"Redis does not answer ({type(error).__name__ if error else 'connecting'}), try again")
