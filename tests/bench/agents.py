"""The simulated hosts in a process of their own, asked for figures over standard input."""

import asyncio
import json
import os
import sys
from typing import Any

import uvloop

from fleet.bundled_agent.agent import user_agent
from fleet.bundled_agent.client import Server
from fleet.bundled_agent.flags import Flags
from fleet.bundled_agent.fleet import Fleet
from tests.bench.processes import Process


async def serve(url: str, hosts: int, interval: int) -> None:
    """Run the hosts; each line `figures` or `reset` is answered with their counters."""
    often = {"distributed_interval": str(interval), "logger_tls_period": str(interval)}
    server = Server.at(url, user_agent=user_agent())
    fleet = Fleet(
        server, os.environ["BENCH_SECRET"], hosts=hosts, seed="bench", ramp=0, flags=Flags(often, pinned=often)
    )
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    working: asyncio.Task[None] | None = None
    while line := (await lines.readline()).strip():
        if line == b"start":
            working = asyncio.create_task(fleet.run())
        print(json.dumps(fleet.counters.summary()), flush=True)
        if line == b"reset":
            fleet.counters.reset_latencies()
            fleet.counters.errors.clear()
    if working is not None:
        working.cancel()


def figures(process: Process, command: str = "figures") -> dict[str, Any]:
    """The counters of the process that runs this module, in the process that started it."""
    return dict(json.loads(process.ask(command.encode())))


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
