"""An agent on the network: enrolls, polls, answers, logs, and begins again whatever happens."""

import asyncio
import logging
import random
import time
from concurrent.futures import Executor
from dataclasses import dataclass

from fleet.schema import osquery_version

from . import distributed, protocol
from .client import Client, Server, Unreachable
from .configuration import BadConfiguration
from .counters import Counters
from .distributed import BadWork
from .engine import Engine
from .flags import Flags
from .logger import BUFFERED_BYTES_MAX, KINDS, Logger
from .machine import Machine
from .osqueryd import Osqueryd
from .protocol import Refused
from .state import State

log = logging.getLogger(__name__)

BACK_OFF_MAX = 60.0
ACCELERATED_INTERVAL = 5.0
LONGEST_SLEEP = 60.0
RETRY_AFTER = 1.0
TOO_LARGE = 413
LIVE = "fleet_distributed_query_"


def user_agent() -> str:
    """How the agent names itself to the server."""
    return f"osquery/{osquery_version()}"


@dataclass(frozen=True, slots=True)
class Behavior:
    """How a simulated host is worse than it should be."""

    fails: bool = False
    delay: float = 0.0


GOOD = Behavior()


@dataclass(slots=True)
class Due:
    """When each kind of work comes next, on the loop's clock."""

    config: float = 0.0
    read: float = 0.0
    log: float = 0.0


class Agent:
    """Reports one machine to a server until it is cancelled."""

    __slots__ = (
        "_accelerated_until", "_backoff", "_behavior", "_client", "_counters", "_due", "_enrolled",
        "_executor", "_quiet_until", "_secret", "_state", "osqueryd",
    )  # fmt: skip

    def __init__(
        self,
        server: Server,
        secret: str,
        machine: Machine,
        *,
        engine: Engine | None = None,
        flags: Flags | None = None,
        state: State | None = None,
        counters: Counters | None = None,
        behavior: Behavior = GOOD,
        executor: Executor | None = None,
        log_bytes_max: int = BUFFERED_BYTES_MAX,
    ) -> None:
        """With an executor (of one thread) queries leave the event loop free; a fleet shares its engine."""
        self.osqueryd = Osqueryd(machine, engine or Engine(), flags, logger=Logger(log_bytes_max))
        self._client = Client(server)
        self._secret = secret
        self._state = state or State()
        self._counters = counters or Counters()
        self._behavior = behavior
        self._executor = executor
        self._enrolled = False
        self._due = Due()
        self._backoff = 0.0
        self._quiet_until = 0.0
        self._accelerated_until = 0.0

    @property
    def counters(self) -> Counters:
        """What this agent, or its fleet, has done."""
        return self._counters

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                if time.time() >= self.osqueryd.next_scheduled():
                    await self._run_scheduled()  # also while the server is away: the lines wait for it
                if time.monotonic() >= self._turn():
                    try:
                        await self._talk()
                        self._backoff = 0.0
                    except (Unreachable, Refused, BadWork, BadConfiguration) as error:
                        self._recover(error)
                await asyncio.sleep(self._pause())
        finally:
            self._client.close()
            if self._executor is not None:
                self.osqueryd.stop()  # a long query would hold up the end of the process

    def _turn(self) -> float:
        """When to talk to the server next."""
        due = self._due
        turn = min(due.config, due.read, due.log if self.osqueryd.logger else due.config) if self._enrolled else 0.0
        return max(turn, self._quiet_until)

    def _pause(self) -> float:
        """Seconds until something is to be done."""
        wait = min(self._turn() - time.monotonic(), self.osqueryd.next_scheduled() - time.time(), LONGEST_SLEEP)
        return max(wait, 0.0)

    def _recover(self, error: Exception) -> None:
        """Be quiet for longer after each error in a row, and never in step with other hosts."""
        self._counters.errors[type(error).__name__] += 1
        invalid = isinstance(error, Refused) and error.node_invalid
        if invalid and self._enrolled:
            self._forget()
            if not self._backoff:
                self._backoff = 1.0
                return
        self._backoff = min(max(self._backoff * 2, 1.0), BACK_OFF_MAX)
        wait = self._backoff * random.uniform(0.5, 1.0)
        self._quiet_until = time.monotonic() + wait
        log.info("%s: %s; next try in %.0f s", self.osqueryd.machine.identifier, error, wait)

    def _forget(self) -> None:
        self._enrolled = False
        self._counters.enrolled -= 1
        self._state.keep(self.osqueryd.machine.identifier, "")

    async def _talk(self) -> None:
        """Everything that is to be said to the server now."""
        if not self._enrolled:
            await self._enroll()
        # The next turn is set before the work, so that one endpoint in trouble does not hold up the others.
        flags = self.osqueryd.flags
        now = time.monotonic()
        if now >= self._due.config:
            self._due.config = _next(self._due.config, flags.number("config_refresh") or LONGEST_SLEEP)
            await self._configure()
        if now >= self._due.read:
            self._due.read = _next(self._due.read, self._read_interval())
            if not flags.on("disable_distributed"):
                await self._distributed()
        if now >= self._due.log:
            self._due.log = _next(self._due.log, flags.number("logger_tls_period") or LONGEST_SLEEP)
            await self._try_logs()

    def _read_interval(self) -> float:
        interval = max(self.osqueryd.flags.number("distributed_interval"), 0.05)
        accelerated = time.monotonic() < self._accelerated_until
        return min(interval, ACCELERATED_INTERVAL) if accelerated else interval

    async def _enroll(self) -> None:
        identifier = self.osqueryd.machine.identifier
        if not self._state.node_key(identifier):
            body = await self._post("enroll", protocol.ENROLL, self.osqueryd.enroll_body(self._secret))
            self._state.keep(identifier, protocol.node_key(body))
            self._counters.enrollments += 1
        self._enrolled = True
        self._counters.enrolled += 1
        self._due = self._first_turns()

    def _first_turns(self) -> Due:
        """Everything now, and then each host in a rhythm of its own, however they were started."""
        now, flags = time.monotonic(), self.osqueryd.flags
        config, read, log_period = (
            random.random() * flags.number(name) / 2
            for name in ("config_refresh", "distributed_interval", "logger_tls_period")
        )
        return Due(config=now - config, read=now - read, log=now + log_period)

    async def _configure(self) -> None:
        body = await self._post("config", protocol.CONFIG, protocol.only_key(self._key))
        self.osqueryd.configure(body)

    async def _distributed(self) -> None:
        body = await self._post("read", protocol.READ, protocol.only_key(self._key))
        self._counters.polls += 1
        work = distributed.read(body)
        if work.accelerate:
            self._accelerate(work.accelerate)
        if not work.queries:
            return
        answers = await self._answer(work)
        self._counters.queries += len(answers.queries)
        if answers.queries:
            await self._write_whole(answers)

    def _accelerate(self, seconds: int) -> None:
        now = time.monotonic()
        self._accelerated_until = now + seconds
        self._due.read = min(self._due.read, now + ACCELERATED_INTERVAL)

    async def _write_whole(self, answers: distributed.Answers) -> None:
        """Write answers; where they are too large together, each by itself, and a failure for one that still is."""
        try:
            await self._write(answers)
        except Refused as error:
            if error.status != TOO_LARGE:
                raise
            await self._write_apart(answers)

    async def _write_apart(self, answers: distributed.Answers) -> None:
        for name in answers.queries:
            alone = answers.only(name)
            try:
                await self._write(alone)
            except Refused as error:
                if error.status != TOO_LARGE:
                    raise
                alone.fail(name, "the server takes no result of this size")
                await self._write(alone)

    async def _write(self, answers: distributed.Answers) -> None:
        """Answers are worth another try: a live query may be waiting for them."""
        attempts = max(1, int(self.osqueryd.flags.number("distributed_tls_max_attempts")))
        for attempt in range(1, attempts + 1):
            try:
                await self._post("write", protocol.WRITE, answers.body(self._key))
                return
            except (Unreachable, Refused) as error:
                final = isinstance(error, Refused) and (error.node_invalid or error.status == TOO_LARGE)
                if attempt == attempts or final:
                    raise
                self._counters.errors[type(error).__name__] += 1
                await asyncio.sleep(attempt * RETRY_AFTER)

    async def _answer(self, work: distributed.Work) -> distributed.Answers:
        if self._executor is None:
            answers = self.osqueryd.answer(work)
        else:
            loop = asyncio.get_running_loop()
            answers = await loop.run_in_executor(self._executor, self.osqueryd.answer, work)
        live = [name for name in answers.queries if name.startswith(LIVE)]
        if live and self._behavior.delay:
            await asyncio.sleep(self._behavior.delay)
        if self._behavior.fails:
            for name in live:
                answers.fail(name, "simulated failure")
        return answers

    async def _run_scheduled(self) -> None:
        if self._executor is None:
            self.osqueryd.run_scheduled()
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._executor, self.osqueryd.run_scheduled)

    async def _try_logs(self) -> None:
        """A server that cannot store lines can still ask: they wait for their next turn, and nothing else does."""
        try:
            await self._send_logs()
        except Refused as error:
            if error.node_invalid:
                raise
            self._counters.errors[type(error).__name__] += 1
            log.info("%s: logs were not taken: %s", self.osqueryd.machine.identifier, error)

    async def _send_logs(self) -> None:
        flags, logger = self.osqueryd.flags, self.osqueryd.logger
        for kind in KINDS:
            while batch := logger.batch(kind, int(flags.number("logger_tls_max_lines"))):
                plain = batch.body(protocol.quoted(self._key))
                body, gzipped = protocol.compressed(plain, flags.on("logger_tls_compress"))
                await self._post("log", protocol.LOG, body, gzipped=gzipped)
                logger.acknowledge(batch)
                self._counters.log_lines += len(batch.lines)
        if logger.dropped:
            log.info("%s: %d log lines gave way to newer ones", self.osqueryd.machine.identifier, logger.dropped)
            self._counters.dropped_lines += logger.dropped
            logger.dropped = 0

    @property
    def _key(self) -> str:
        return self._state.node_key(self.osqueryd.machine.identifier)

    async def _post(self, endpoint: str, path: str, body: bytes, *, gzipped: bool = False) -> bytes:
        started = time.perf_counter()
        response = await self._client.post(path, body, gzipped=gzipped)
        self._counters.took(endpoint, time.perf_counter() - started)
        return protocol.check(response.status, response.body)


def _next(last: float, interval: float) -> float:
    """The next turn in step with the last; from now, when turns were missed."""
    return max(last + interval, time.monotonic() + interval / 2)
