"""The scheduled queries of one host: which apply, when they run, and what they cost."""

import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from fleet.schema import Result, TimedOut
from fleet.schema.functions import compare_versions

from .configuration import Configuration, Pack, ScheduledQuery
from .differential import Previous
from .distributed import Run, gives_rows
from .flags import Flags

DENYLISTED_FOR = 24 * 3600
LINUX_NAMES = ("linux", "ubuntu", "centos")


@dataclass(slots=True)
class Performance:
    """The figures of osquery_schedule; times of the CPU and of the wall in milliseconds."""

    executions: int = 0
    last_executed: int = 0
    output_size: int = 0
    wall_time_ms: int = 0
    last_wall_time_ms: int = 0
    user_time: int = 0
    last_user_time: int = 0

    def record(self, result: Result, wall: float, cpu: float, now: float) -> None:
        """Add one run."""
        self.executions += 1
        self.last_executed = int(now)
        self.output_size += sum(len(name) + len(cell) for row in result.rows for name, cell in row.items())
        self.last_wall_time_ms = round(wall * 1000)
        self.wall_time_ms += self.last_wall_time_ms
        self.last_user_time = round(cpu * 1000)
        self.user_time += self.last_user_time


@dataclass(slots=True)
class Entry:
    """A scheduled query of this host."""

    query: ScheduledQuery
    name: str
    interval: int
    next_run: int
    denylisted_until: float = 0
    performance: Performance = field(default_factory=Performance)
    previous: Previous = field(default_factory=Previous)


class Schedule:
    """Reconfigured as a whole; a query that stays keeps its results and its figures."""

    __slots__ = ("_discovered", "_entries", "_packs", "_phase")

    def __init__(self, identifier: str) -> None:
        self._phase = zlib.crc32(identifier.encode())
        self._entries: dict[str, Entry] = {}
        self._packs: dict[str, Pack] = {}
        self._discovered: dict[str, tuple[float, bool]] = {}

    def configure(self, new: Configuration, flags: Flags, host: "Applies", now: float) -> None:
        """Take the packs of a configuration that apply to the host."""
        entries = {}
        for pack in new.packs:
            if not host.pack(pack):
                continue
            for query in pack.queries:
                name = query.full_name(flags.text("pack_delimiter"))
                interval = query.interval or int(flags.number("schedule_default_interval"))
                if host.query(query) and 0 < interval <= 7 * 24 * 3600:
                    splayed = host.splayed(name, interval, flags.number("schedule_splay_percent"))
                    entries[name] = self._entry(name, query, splayed, now)
        self._entries = entries
        self._packs = {pack.name: pack for pack in new.packs if pack.discovery}
        self._discovered = {}

    def _entry(self, name: str, query: ScheduledQuery, interval: int, now: float) -> Entry:
        entry = self._entries.get(name)
        previous = self._previous(entry, query)
        if entry is None or entry.query.interval != query.interval:
            next_run = _next_run(interval, self._phase, now)
            return Entry(query, name, interval, next_run, previous=previous)
        entry.query = query
        return entry

    def _previous(self, entry: Entry | None, query: ScheduledQuery) -> Previous:
        """The last results of the query; under a new text they stay, and are counted anew, as osqueryd does."""
        if entry is None:
            return Previous()
        if entry.query.sql != query.sql:
            entry.previous.count_anew()
        return entry.previous

    def next_run(self) -> float:
        """When the next query is due."""
        return min((entry.next_run for entry in self._entries.values()), default=float("inf"))

    def due(self, now: float, run: Run, refresh: float) -> list[Entry]:
        """The queries to run now; those of a pack that discovery rules out wait for their next turn."""
        found = []
        for entry in self._entries.values():
            if entry.next_run > now:
                continue
            entry.next_run = _next_run(entry.interval, self._phase, now)
            if entry.denylisted_until <= now and self._discover(entry.query.pack, now, run, refresh):
                found.append(entry)
        return found

    def _discover(self, name: str, now: float, run: Run, refresh: float) -> bool:
        pack = self._packs.get(name)
        if pack is None:
            return True
        asked, active = self._discovered.get(name, (float("-inf"), False))
        if now - asked >= refresh:
            active = all(gives_rows(run, sql) for sql in pack.discovery)
            self._discovered[name] = (now, active)
        return active

    def rows(self, now: float) -> Iterable[dict[str, str | int]]:
        """The table osquery_schedule."""
        for entry in self._entries.values():
            figures = entry.performance
            yield {
                "name": entry.name,
                "query": entry.query.sql,
                "interval": entry.query.interval,
                "executions": figures.executions,
                "last_executed": figures.last_executed,
                "denylisted": int(entry.denylisted_until > now),
                "output_size": figures.output_size,
                "wall_time": figures.wall_time_ms // 1000,
                "wall_time_ms": figures.wall_time_ms,
                "last_wall_time_ms": figures.last_wall_time_ms,
                "user_time": figures.user_time,
                "last_user_time": figures.last_user_time,
                "system_time": 0,
                "last_system_time": 0,
                "average_memory": 0,
                "last_memory": 0,
            }


@dataclass(frozen=True, slots=True)
class Applies:
    """Whether what the server schedules is meant for this host."""

    platform: str
    version: str
    identifier: str

    def pack(self, pack: Pack) -> bool:
        """By the platform, version and shard of the pack."""
        return self._fits(pack.platform, pack.version, pack.shard)

    def query(self, query: ScheduledQuery) -> bool:
        """By the platform, version and shard of the query."""
        return self._fits(query.platform, query.version, query.shard)

    def _fits(self, platform: str, version: str, shard: int) -> bool:
        if shard and zlib.crc32(self.identifier.encode()) % 100 + 1 > shard:
            return False
        if version not in ("", "null") and compare_versions(self.version, version) < 0:
            return False
        return self._has(platform)

    def _has(self, wanted: str) -> bool:
        if wanted in ("", "null") or "any" in wanted or "all" in wanted:
            return True
        if self.platform == "linux":
            return any(name in wanted for name in (*LINUX_NAMES, "posix"))
        return self.platform in wanted or (self.platform == "darwin" and "posix" in wanted)

    def splayed(self, name: str, interval: int, percent: float) -> int:
        """The interval, a little longer or shorter, always alike for one query of one host."""
        spread = int(interval * percent / 100)
        if spread < 1:
            return interval
        return max(1, interval - spread + zlib.crc32(f"{self.identifier}/{name}".encode()) % (2 * spread + 1))


def timed(entry: Entry, run: Run, now: float) -> Result:
    """Run a scheduled query and record its cost; one that takes too long is denylisted."""
    wall, cpu = time.perf_counter(), time.thread_time()
    try:
        result = run(entry.query.sql)
    except TimedOut:
        if entry.query.denylist:
            entry.denylisted_until = now + DENYLISTED_FOR
        raise
    entry.performance.record(result, time.perf_counter() - wall, time.thread_time() - cpu, now)
    return result


def _next_run(interval: int, phase: int, now: float) -> int:
    """The next second of a host's own rhythm, so that hosts do not all run a query in the same one."""
    return ((int(now) - phase) // interval + 1) * interval + phase
