"""The agent itself, without its network: from the server's words to its own."""

import os
import time
import uuid
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache

import orjson

from fleet.schema import Constraint, Failed, Result, Row, osquery_version, tables

from . import configuration, distributed, results, schedule
from .configuration import Configuration
from .engine import Engine
from .flags import Flags
from .logger import LINE_MAX, Logger
from .machine import BUILDS, PLATFORM_TYPES, Machine, host_details

OWN_TABLES = frozenset(
    ("osquery_extensions", "osquery_flags", "osquery_info", "osquery_packs", "osquery_registry",
     "osquery_schedule", "time")
)  # fmt: skip
SHARED_OWN_TABLES = frozenset(("osquery_registry",))
WARNING, ERROR = 1, 2


class Osqueryd:
    """One agent: flags, schedule and buffers over a machine. It is the source of all tables."""

    __slots__ = (
        "_applies", "_clock", "_config_hash", "_configuration", "_decorations", "_decorated", "_denylist",
        "_engine", "_schedule", "_started", "constrained", "flags", "logger", "machine",
    )  # fmt: skip

    def __init__(
        self,
        machine: Machine,
        engine: Engine,
        flags: Flags | None = None,
        clock: Callable[[], float] = time.time,
        logger: Logger | None = None,
    ) -> None:
        self.machine = machine
        self.flags = flags or Flags()
        self.logger = Logger() if logger is None else logger
        self.constrained = machine.constrained
        self._engine = engine
        self._clock = clock
        self._started = clock()
        self._configuration: Configuration = configuration.EMPTY
        self._config_hash = ""
        self._schedule = schedule.Schedule(machine.identifier)
        self._applies = schedule.Applies(machine.platform, osquery_version(), machine.identifier)
        self._denylist = distributed.Denylist()
        self._decorations: dict[str, str] = {}
        self._decorated: dict[int, float] | None = None

    @property
    def platform(self) -> str:
        """The platform of the machine."""
        return self.machine.platform

    # What the server asks.

    def enroll_body(self, secret: str) -> bytes:
        """The request to enroll."""
        return orjson.dumps(
            {
                "enroll_secret": secret,
                "host_identifier": self.machine.identifier,
                "platform_type": PLATFORM_TYPES[self.platform],
                "host_details": host_details(self.machine, self._osquery_info()),
            }
        )

    def configure(self, body: bytes) -> None:
        """Obey a configuration; raises BadConfiguration and keeps the one it has."""
        new = configuration.read(body)
        if new is self._configuration:
            return
        self._configuration = new
        self._config_hash = uuid.uuid5(uuid.NAMESPACE_OID, body.decode("utf-8", "replace")).hex
        self.flags.obey(new.options)
        self._schedule.configure(new, self.flags, self._applies, self._clock())
        self._decorations, self._decorated = {}, None

    def answer(self, work: distributed.Work) -> distributed.Answers:
        """Run what a distributed/read asked for."""
        seconds = self.flags.number("distributed_denylist_duration")
        return distributed.answer(work, self.run, self._denylist, seconds)

    def run(self, sql: str) -> Result:
        """The answer to any SQL; raises Failed."""
        return self._engine.run(sql, self)

    def stop(self) -> None:
        """End what runs in another thread; nothing can be asked any more."""
        self._engine.stop()

    # The schedule.

    def next_scheduled(self) -> float:
        """When the next scheduled query is due."""
        return self._schedule.next_run()

    def run_scheduled(self) -> int:
        """Run what is due and buffer the lines; how many queries that were."""
        now = self._clock()
        due = self._schedule.due(now, self.run, self.flags.number("pack_refresh_interval"))
        for entry in due:
            self._run_entry(entry, now)
        return len(due)

    def _run_entry(self, entry: schedule.Entry, now: float) -> None:
        try:
            rows = schedule.timed(entry, self.run, now).rows
        except Failed as error:
            self._log(ERROR, f"Error executing scheduled query {entry.name}: {error}")
            return
        origin = self._origin(now)
        epoch = int(self.flags.number("schedule_epoch"))
        if entry.query.snapshot:
            events = self.flags.on("logger_snapshot_event_type")
            lines = results.snapshot(origin, entry.name, epoch, rows, events=events)
        else:
            changes = entry.previous.compare(rows, epoch)
            if not entry.query.removed:
                changes.removed = []
            if not changes.worth_logging:
                return
            events = self.flags.on("logger_event_type")
            lines = results.differential(origin, entry.name, epoch, changes, events=events)
        too_long = [line for line in lines if not self.logger.add("result", line)]
        if too_long:
            self._log(WARNING, f"Results of scheduled query {entry.name} are longer than {LINE_MAX} bytes a line")

    def _log(self, severity: int, message: str) -> None:
        line = results.status(self._origin(self._clock()), severity, message, osquery_version())
        self.logger.add("status", line)

    def _origin(self, now: float) -> results.Origin:
        top_level = self.flags.on("decorations_top_level")
        return results.Origin(self.machine.identifier, int(now), self._decorate(now), top_level)

    def _decorate(self, now: float) -> dict[str, str]:
        """The decorations, with those renewed whose time has come."""
        wanted = self._configuration.decorators
        due = list(wanted.always)
        if self._decorated is None:
            self._decorated = {}
            due = [*wanted.load, *due]
        for seconds, queries in wanted.interval:
            if now - self._decorated.get(seconds, float("-inf")) >= seconds:
                self._decorated[seconds] = now
                due += queries
        for sql in due:
            try:
                rows = self.run(sql).rows
            except Failed:
                continue
            if rows:
                self._decorations = {**self._decorations, **rows[0]}
        return self._decorations

    # The tables that the agent knows better than the machine.

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows of any table."""
        if table not in OWN_TABLES:
            return self.machine.rows(table, constraints)
        if table == "osquery_flags":
            return self.flags.rows()
        if table == "osquery_info":
            return [self._osquery_info()]
        if table == "osquery_schedule":
            return self._schedule.rows(self._clock())
        if table == "osquery_registry":
            return registry(self.platform, self.machine.extensions)
        if table == "osquery_packs":
            return self._packs()
        return [_time(self._clock())] if table == "time" else ()

    def scope(self, table: str) -> Hashable | None:
        """Hosts of one platform share the registry; the rest is the machine's to say."""
        if table in SHARED_OWN_TABLES:
            return (table, self.platform, self.machine.extensions)
        return None if table in OWN_TABLES else self.machine.scope(table)

    def _osquery_info(self) -> dict[str, str | int]:
        build_platform, build_distro = BUILDS.get(self.platform, ("chrome", "chrome"))
        identifier = self.machine.identifier
        return {
            "pid": os.getpid(),
            "uuid": identifier,
            "instance_id": str(uuid.uuid5(uuid.NAMESPACE_OID, identifier)),
            "version": osquery_version(),
            "config_hash": self._config_hash,
            "config_valid": int(bool(self._config_hash)),
            "extensions": "active" if self.machine.extensions else "inactive",
            "build_platform": build_platform,
            "build_distro": build_distro,
            "start_time": int(self._started),
            "watcher": -1,
            "platform_mask": int(PLATFORM_TYPES[self.platform]),
        }

    def _packs(self) -> Iterable[Row]:
        for pack in self._configuration.packs:
            yield {
                "name": pack.name or "main",
                "platform": pack.platform,
                "version": pack.version,
                "shard": pack.shard,
                "discovery_cache_hits": 0,
                "discovery_executions": 0,
                "active": int(self._applies.pack(pack)),
            }


@lru_cache(maxsize=64)
def registry(platform: str, extensions: frozenset[str]) -> list[dict[str, str | int]]:
    """The table osquery_registry: the plugins, and the tables that work on a platform."""
    plugins = [(kind, "tls") for kind in ("config", "distributed", "enroll", "logger")]
    for table in tables().values():
        comes_with_agent = bool(table.url) or platform == "chrome" or table.name in extensions
        if comes_with_agent and platform in table.platforms:
            plugins.append(("table", table.name))
    return [{"registry": kind, "name": name, "owner_uuid": 0, "internal": 0, "active": 1} for kind, name in plugins]


def _time(now: float) -> dict[str, str | int]:
    utc = time.gmtime(now)
    return {
        "weekday": time.strftime("%A", utc),
        "year": utc.tm_year,
        "month": utc.tm_mon,
        "day": utc.tm_mday,
        "hour": utc.tm_hour,
        "minutes": utc.tm_min,
        "seconds": utc.tm_sec,
        "timezone": "UTC",
        "local_timezone": time.localtime(now).tm_zone,
        "unix_time": int(now),
        "timestamp": time.asctime(utc) + " UTC",
        "datetime": time.strftime("%Y-%m-%dT%H:%M:%SZ", utc),
        "iso_8601": time.strftime("%Y-%m-%dT%H:%M:%SZ", utc),
    }
