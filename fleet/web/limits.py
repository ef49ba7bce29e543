"""How often somebody may try: per account and per network, shared by all processes."""

import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from fleet.errors import TooManyRequests

LOGIN_PER_NETWORK = parse("30 per minute")
LOGIN_FAILURES_PER_ACCOUNT = parse("20 per 10 minutes")


class Limits:
    """Counts attempts in moving windows, in memory or in Redis."""

    def __init__(self, redis_url: str = "") -> None:
        storage: Storage = RedisStorage(redis_url, key_prefix="fleet:limits") if redis_url else MemoryStorage()
        self._limiter = MovingWindowRateLimiter(storage)

    def count(self, limit: RateLimitItem, *key: str) -> None:
        """Count an attempt; `TooManyRequests` when it is one too many."""
        if not self._limiter.hit(limit, *key):
            raise TooManyRequests(self._wait(limit, *key))

    def check(self, limit: RateLimitItem, *key: str) -> None:
        """`TooManyRequests` when nothing is left, without counting anything."""
        if not self._limiter.test(limit, *key):
            raise TooManyRequests(self._wait(limit, *key))

    def _wait(self, limit: RateLimitItem, *key: str) -> int:
        reset = self._limiter.get_window_stats(limit, *key).reset_time
        return max(1, int(reset - time.time()) + 1)
