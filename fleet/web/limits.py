"""How often somebody may try: per account and per network, shared by all processes."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from fleet.errors import TooManyRequests

LOGIN_PER_NETWORK = parse("30 per minute")
LOGIN_FAILURES_PER_ACCOUNT = parse("20 per 10 minutes")

REDIS_SECONDS = 3

log = logging.getLogger(__name__)

T = TypeVar("T")


class Limits:
    """Counts attempts in moving windows: in Redis if there is one, else and while that does not answer in memory.
    `name` tells apart the servers that share one Redis."""

    def __init__(self, redis_url: str = "", name: str = "") -> None:
        self._limiters = [MovingWindowRateLimiter(MemoryStorage())]
        if redis_url:
            storage = RedisStorage(
                redis_url,
                key_prefix=f"fleet:{{{name}}}:limits",
                wrap_exceptions=True,
                socket_timeout=REDIS_SECONDS,
                socket_connect_timeout=REDIS_SECONDS,
            )
            self._limiters.insert(0, MovingWindowRateLimiter(storage))

    def count(self, limit: RateLimitItem, *key: str) -> None:
        """Count an attempt; `TooManyRequests` when it is one too many."""
        if not self._ask(lambda limiter: limiter.hit(limit, *key)):
            raise TooManyRequests(self._wait(limit, *key))

    def check(self, limit: RateLimitItem, *key: str) -> None:
        """`TooManyRequests` when nothing is left, without counting anything."""
        if not self._ask(lambda limiter: limiter.test(limit, *key)):
            raise TooManyRequests(self._wait(limit, *key))

    def _wait(self, limit: RateLimitItem, *key: str) -> int:
        reset = self._ask(lambda limiter: limiter.get_window_stats(limit, *key).reset_time)
        return max(1, int(reset - time.time()) + 1)

    def _ask(self, question: Callable[[MovingWindowRateLimiter], T]) -> T:
        first, *others = self._limiters
        try:
            return question(first)
        except StorageError as error:
            log.warning("attempts are counted in this process only: %s", type(error.storage_error).__name__)
            return question(others[0])
