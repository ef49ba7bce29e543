"""Which campaigns each host has yet to answer, in memory: what a check-in is answered from."""

import threading
from collections.abc import Collection, Mapping

NOTHING: Mapping[int, str] = {}


class Due:
    """Campaigns, and the hosts that each still waits for. Reading takes no lock: what a host is handed is never
    changed in place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sql: dict[int, str] = {}
        self._waiting: dict[int, set[int]] = {}
        self._by_host: dict[int, Mapping[int, str]] = {}

    def start(self, campaign_id: int, sql: str, host_ids: Collection[int]) -> None:
        """Ask these hosts, and no others any more."""
        hosts = set(host_ids)
        with self._lock:
            self._sql[campaign_id] = sql
            # A host that stays is never without it in between: it may be checking in just now.
            for host_id in self._waiting.get(campaign_id, set()) - hosts:
                self._drop(host_id, campaign_id)
            self._waiting[campaign_id] = hosts
            for host_id in hosts:
                self._by_host[host_id] = {**self._by_host.get(host_id, NOTHING), campaign_id: sql}

    def stop(self, campaign_id: int) -> None:
        """Ask nobody any more."""
        with self._lock:
            self._sql.pop(campaign_id, None)
            for host_id in self._waiting.pop(campaign_id, ()):
                self._drop(host_id, campaign_id)

    def done(self, campaign_id: int, host_id: int) -> None:
        """This host has answered."""
        with self._lock:
            waiting = self._waiting.get(campaign_id)
            if waiting is not None and host_id in waiting:
                waiting.discard(host_id)
                self._drop(host_id, campaign_id)

    def again(self, campaign_id: int, host_id: int) -> None:
        """Its answer was lost: ask this host once more, if the campaign still runs."""
        with self._lock:
            if campaign_id in self._sql:
                self._waiting[campaign_id].add(host_id)
                known = self._by_host.get(host_id, NOTHING)
                self._by_host[host_id] = {**known, campaign_id: self._sql[campaign_id]}

    def of(self, host_id: int) -> Mapping[int, str]:
        """What a host has yet to answer: campaign id -> SQL."""
        return self._by_host.get(host_id, NOTHING)

    def runs(self, campaign_id: int) -> bool:
        """Whether a campaign is running."""
        return campaign_id in self._sql

    def running(self) -> list[tuple[int, str, frozenset[int]]]:
        """The running campaigns: id, SQL, and the hosts that have yet to answer."""
        with self._lock:
            return [(each, sql, frozenset(self._waiting[each])) for each, sql in self._sql.items()]

    def counts(self) -> dict[int, int]:
        """The running campaigns, and how many hosts each still waits for."""
        with self._lock:
            return {campaign_id: len(hosts) for campaign_id, hosts in self._waiting.items()}

    def _drop(self, host_id: int, campaign_id: int) -> None:
        known = self._by_host.get(host_id, NOTHING)
        left = {other: sql for other, sql in known.items() if other != campaign_id}
        if left:
            self._by_host[host_id] = left
        else:
            self._by_host.pop(host_id, None)
