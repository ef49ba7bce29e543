"""What agents count: requests, errors, and how long the server took."""

import math
from collections import Counter
from dataclasses import dataclass, field

BUCKETS_PER_DOUBLING = 8
SMALLEST = 0.0001


@dataclass(slots=True)
class Latencies:
    """A histogram of seconds in buckets that each are 9 % wider than the last."""

    buckets: Counter[int] = field(default_factory=Counter)

    def record(self, seconds: float) -> None:
        """Count one."""
        self.buckets[math.ceil(math.log2(max(seconds, SMALLEST) / SMALLEST) * BUCKETS_PER_DOUBLING)] += 1

    @property
    def count(self) -> int:
        """How many were counted."""
        return self.buckets.total()

    def percentile(self, percent: float) -> float:
        """Seconds within which so many percent were; 0 when nothing was counted."""
        wanted = self.count * percent / 100
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return float(SMALLEST * 2 ** (bucket / BUCKETS_PER_DOUBLING))
        return 0.0


@dataclass(slots=True)
class Counters:
    """Shared by all agents of a fleet."""

    enrolled: int = 0
    enrollments: int = 0
    polls: int = 0
    queries: int = 0
    log_lines: int = 0
    dropped_lines: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: dict[str, Latencies] = field(default_factory=dict)

    def took(self, endpoint: str, seconds: float) -> None:
        """Count a request to an endpoint."""
        if endpoint not in self.latencies:
            self.latencies[endpoint] = Latencies()
        self.latencies[endpoint].record(seconds)

    def reset_latencies(self) -> None:
        """Start measuring afresh, for example when all hosts have enrolled."""
        self.latencies = {}

    def summary(self) -> dict[str, object]:
        """Everything as plain figures; latencies in milliseconds."""
        return {
            "enrolled": self.enrolled,
            "enrollments": self.enrollments,
            "polls": self.polls,
            "queries": self.queries,
            "log_lines": self.log_lines,
            "dropped_lines": self.dropped_lines,
            "errors": dict(self.errors),
            "latencies": {
                endpoint: {
                    "count": latencies.count,
                    "p50": round(latencies.percentile(50) * 1000, 2),
                    "p99": round(latencies.percentile(99) * 1000, 2),
                }
                for endpoint, latencies in sorted(self.latencies.items())
            },
        }
