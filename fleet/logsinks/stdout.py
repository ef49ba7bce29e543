"""Logs of hosts on standard output, for whoever collects it."""

import sys
import threading

_ONE_AT_A_TIME = threading.Lock()


class StdoutSink:
    """Writes lines to standard output."""

    def write(self, lines: list[bytes]) -> None:
        """Write lines, each ended by a newline."""
        if not lines:
            return
        with _ONE_AT_A_TIME:
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()

    def rotate(self) -> None:
        """Standard output is not rotated."""

    def close(self) -> None:
        """Standard output stays open."""
