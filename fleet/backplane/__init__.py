"""What processes share to carry live queries: in memory for one process, in Redis for several."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Result:
    """What one host answered to a live query: its rows, and what went wrong if anything did."""

    campaign_id: int
    host_id: int
    hostname: str
    display_name: str
    rows: list[dict[str, str]] = field(default_factory=list)
    error: str | None = None


class Reader(Protocol):
    """Somebody who reads the results of a campaign."""

    def next(self, timeout: float) -> Result | None:
        """The next result, or none after `timeout` seconds."""

    def close(self) -> None:
        """Stop reading."""


class Live(Protocol):
    """Carries live queries to hosts, and their results back."""

    def start(self, campaign_id: int, sql: str, host_ids: Collection[int]) -> None:
        """Ask these hosts from their next check-in on; `Unavailable` when they cannot be told."""

    def stop(self, campaign_id: int) -> None:
        """Ask nobody any more."""

    def due(self, host_id: int) -> Mapping[int, str]:
        """What a host has yet to answer: campaign id -> SQL. From memory, without a round trip."""

    def publish(self, result: Result) -> bool:
        """Hand a result to the readers; then the host is asked no more. False: nobody reads; the host is asked
        again. `Unavailable` when that cannot be told just now."""

    def read(self, campaign_id: int) -> Reader:
        """Read the results that come from now on."""

    def ping(self) -> None:
        """Raise `Unavailable` when results cannot be carried."""

    def close(self) -> None:
        """Let go of connections and threads."""
