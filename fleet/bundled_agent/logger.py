"""Log lines on their way to the server: kept until it has acknowledged them."""

from collections import deque
from dataclasses import dataclass
from itertools import islice

BUFFERED_LINES_MAX = 20_000
BUFFERED_BYTES_MAX = 64 * 1024 * 1024
LINE_MAX = 1024 * 1024  # osquery's --logger_tls_max_linesize
BATCH_BYTES_MAX = 4 * 1024 * 1024
KINDS = ("result", "status")


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of one kind to be sent together."""

    kind: str
    lines: tuple[bytes, ...]

    def body(self, node_key: bytes) -> bytes:
        """The request: the lines go in as they are, they are JSON already."""
        return b'{"node_key":%b,"log_type":"%b","data":[%b]}' % (
            node_key,
            self.kind.encode(),
            b",".join(self.lines),
        )


class Logger:
    """Two buffers. When the server is away for long, the oldest lines give way."""

    __slots__ = ("_buffers", "_bytes", "_bytes_max", "dropped")

    def __init__(self, bytes_max: int = BUFFERED_BYTES_MAX) -> None:
        """Each kind of lines has half of the bytes."""
        self._buffers: dict[str, deque[bytes]] = {}
        self._bytes: dict[str, int] = {}
        self._bytes_max = bytes_max // len(KINDS)
        self.dropped = 0

    def add(self, kind: str, line: bytes) -> bool:
        """Keep a line for the next sending; false for one that is too long to be kept."""
        if len(line) > LINE_MAX:
            self.dropped += 1
            return False
        buffer = self._buffers.setdefault(kind, deque())
        buffer.append(line)
        self._bytes[kind] = self._bytes.get(kind, 0) + len(line)
        while len(buffer) > 1 and (len(buffer) > BUFFERED_LINES_MAX or self._bytes[kind] > self._bytes_max):
            self._forget_oldest(kind)
            self.dropped += 1
        return True

    def _forget_oldest(self, kind: str) -> None:
        self._bytes[kind] -= len(self._buffers[kind].popleft())

    def __len__(self) -> int:
        return sum(map(len, self._buffers.values()))

    def batch(self, kind: str, lines_max: int) -> Batch | None:
        """The oldest lines of a kind; they stay until acknowledged."""
        chosen: list[bytes] = []
        size = 0
        for line in islice(self._buffers.get(kind, ()), max(1, lines_max)):
            size += len(line)
            if chosen and size > BATCH_BYTES_MAX:
                break
            chosen.append(line)
        return Batch(kind, tuple(chosen)) if chosen else None

    def acknowledge(self, batch: Batch) -> None:
        """The server has them: forget the lines of a batch that are still kept."""
        buffer = self._buffers.get(batch.kind)
        if buffer is None:
            return
        for line in batch.lines:
            if buffer and buffer[0] is line:
                self._forget_oldest(batch.kind)
        if not buffer:
            del self._buffers[batch.kind], self._bytes[batch.kind]
