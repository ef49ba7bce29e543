"""Log lines on their way to the server: kept until it has acknowledged them."""

from collections import deque
from dataclasses import dataclass
from itertools import islice

BUFFERED_LINES_MAX = 20_000
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

    __slots__ = ("_buffers", "dropped")

    def __init__(self) -> None:
        self._buffers: dict[str, deque[bytes]] = {}
        self.dropped = 0

    def add(self, kind: str, line: bytes) -> None:
        """Keep a line for the next sending."""
        if len(line) > LINE_MAX:
            self.dropped += 1
            return
        buffer = self._buffers.get(kind)
        if buffer is None:
            buffer = self._buffers[kind] = deque()
        if len(buffer) >= BUFFERED_LINES_MAX:
            buffer.popleft()
            self.dropped += 1
        buffer.append(line)

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
                buffer.popleft()
        if not buffer:
            del self._buffers[batch.kind]
