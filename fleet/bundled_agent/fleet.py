"""A fleet of simulated hosts in one process."""

import asyncio
import logging
import random
import time
from collections.abc import Iterable

from .agent import GOOD, Agent, Behavior
from .background import Background
from .client import Server
from .counters import Counters
from .engine import Engine
from .flags import Flags
from .simulated import SimulatedHost, population
from .state import State

log = logging.getLogger(__name__)

SAVE_INTERVAL = 5.0
STARTED_PER_SECOND = 50
SLOW_SECONDS = (2.0, 20.0)
# What all hosts together keep of log lines while the server is away, and what each of them may.
LOG_BYTES_MAX, LOG_BYTES_MIN = 512 * 1024 * 1024, 64 * 1024


class Fleet:
    """Hosts 0 to count - 1 of a seed. run() inside a loop, or start() and stop() from any thread."""

    def __init__(
        self,
        server: Server,
        secret: str,
        *,
        hosts: int,
        seed: str = "fleet",
        ramp: float | None = None,
        flags: Flags | None = None,
        state: State | None = None,
        fail_rate: float = 0.0,
        slow_rate: float = 0.0,
    ) -> None:
        """They start within `ramp` seconds (default: 50 a second); the rates say how many fail or are slow
        to answer live queries."""
        self.counters = Counters()
        self._state = state or State()
        self._state.at_once = False
        self._ramp = hosts / STARTED_PER_SECOND if ramp is None else ramp
        self._engine = Engine()
        self._background = Background(self.run, "fleet")
        chance = random.Random(f"{seed}/behavior")
        self.agents = [
            Agent(
                server,
                secret,
                host,
                engine=self._engine,
                flags=flags.copy() if flags else None,
                state=self._state,
                counters=self.counters,
                behavior=_behavior(chance, fail_rate, slow_rate),
                log_bytes_max=max(LOG_BYTES_MAX // max(hosts, 1), LOG_BYTES_MIN),
            )
            for host in population(seed, hosts)
        ]

    @property
    def hosts(self) -> Iterable[SimulatedHost]:
        """The machines, for tests that compare what the server shows."""
        for agent in self.agents:
            machine = agent.osqueryd.machine
            assert isinstance(machine, SimulatedHost)
            yield machine

    async def run(self) -> None:
        """Work until cancelled."""
        tasks: set[asyncio.Task[None]] = set()
        try:
            await self._start_all(tasks)
            while True:
                await asyncio.sleep(SAVE_INTERVAL)
                self._state.save()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._state.save()

    async def _start_all(self, tasks: set[asyncio.Task[None]]) -> None:
        started = time.monotonic()
        for number, agent in enumerate(self.agents):
            wait = started + self._ramp * number / len(self.agents) - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(agent.run())
            task.add_done_callback(_report)
            tasks.add(task)

    def start(self) -> None:
        """Work in a thread of its own."""
        self._background.start()

    def stop(self) -> None:
        """End what start() began."""
        self._background.stop()

    def wait_enrolled(self, timeout: float) -> bool:
        """Whether all hosts have enrolled within the time."""
        deadline = time.monotonic() + timeout
        while self.counters.enrolled < len(self.agents):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def _behavior(chance: random.Random, fail_rate: float, slow_rate: float) -> Behavior:
    fails, slow, delay = chance.random() < fail_rate, chance.random() < slow_rate, chance.uniform(*SLOW_SECONDS)
    return Behavior(fails, delay if slow else 0.0) if fails or slow else GOOD


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("a simulated host died", exc_info=error)
