"""Live queries within one process."""

from collections.abc import Collection, Mapping

from fleet.backplane import Reader, Result
from fleet.backplane.due import Due
from fleet.backplane.readers import Readers


class MemoryLive:
    """Campaigns, the hosts that each still waits for, and their readers."""

    def __init__(self) -> None:
        self._due = Due()
        self._readers = Readers()

    def start(self, campaign_id: int, sql: str, host_ids: Collection[int]) -> None:
        """Ask these hosts from their next check-in on."""
        self._due.start(campaign_id, sql, host_ids)

    def stop(self, campaign_id: int) -> None:
        """Ask nobody any more."""
        self._due.stop(campaign_id)

    def due(self, host_id: int) -> Mapping[int, str]:
        """What a host has yet to answer."""
        return self._due.of(host_id)

    def publish(self, result: Result) -> bool:
        """Hand a result to the readers; then the host is asked no more."""
        taken = self._readers.offer(result)
        if taken:
            self._due.done(result.campaign_id, result.host_id)
        return taken

    def read(self, campaign_id: int) -> Reader:
        """Read the results that come from now on."""
        return self._readers.open(campaign_id)

    def ping(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing to let go of."""
