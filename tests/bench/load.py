"""A load generator: raw HTTP/1.1 over kept-alive connections, each sending its next request when it has an answer.

Reads one job a line from standard input, and answers each with a line of figures.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from typing import cast

import uvloop

LONGEST = 15.0
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Job:
    """What to send where: connection i sends request i, all for so long."""

    port: int
    requests: list[str]  # bytes, as latin-1
    warm_up: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back in the time measured; `sent` counts the warm-up, too. `cpu`: the share of a core that it took."""

    answers: int
    sent: int
    refused: int
    seconds: float
    cpu: float
    p50: float
    p99: float
    first_refusal: str = ""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


class Connection(asyncio.Protocol):
    """Sends its request again and again."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._size = 0  # of the last whole answer: the next one is mostly as long
        self._sent = 0.0
        self.times: list[float] = []
        self.sent = 0
        self.refused = 0
        self.refusal = ""
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self._transport
        self.sent += 1
        self._sent = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._data:
            data = self._data + data
        if len(data) != self._size and not self._whole(data):
            self._data = data
            return
        self._data, self._size = b"", len(data)
        self.times.append(time.perf_counter() - self._sent)
        if data[9:12] != b"200":
            self.refused += 1
            self.refusal = data[:600].decode("latin-1")
        self._send()

    def _whole(self, data: bytes) -> bool:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return False
        found = _LENGTH.search(data, 0, end + 2)
        if found is None:
            return data.endswith(b"0\r\n\r\n")
        return len(data) >= end + 4 + int(found[1])

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def start_over(self) -> None:
        """Forget what was counted so far."""
        self.times, self.refused = [], 0

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()


async def run(job: Job) -> Outcome:
    """Send for as long as the job says."""
    loop = asyncio.get_running_loop()
    connections: list[Connection] = []
    for request in job.requests:
        connection = Connection(request.encode("latin-1"))
        await loop.create_connection(lambda made=connection: made, "127.0.0.1", job.port)  # type: ignore[misc]
        connections.append(connection)
    await asyncio.sleep(job.warm_up)
    for connection in connections:
        connection.start_over()
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(job.seconds)
    while time.perf_counter() - started < LONGEST and not any(connection.times for connection in connections):
        await asyncio.sleep(0.05)  # a busy machine, and a short look: one answer at least
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    for connection in connections:
        connection.close()
    times = sorted(moment for connection in connections for moment in connection.times)
    lost = sum(connection.lost for connection in connections)
    return Outcome(
        answers=len(times),
        sent=sum(connection.sent for connection in connections),
        refused=sum(connection.refused for connection in connections) + lost,
        seconds=seconds,
        cpu=cpu / seconds,
        p50=_percentile(times, 50),
        p99=_percentile(times, 99),
        first_refusal=next((c.refusal for c in connections if c.refusal), f"{lost} connections lost" if lost else ""),
    )


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)] if ordered else 0.0


def main() -> None:
    """Work through the jobs."""
    for line in sys.stdin.buffer:
        outcome = uvloop.run(run(Job(**json.loads(line))))
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
