"""Logs of hosts in files: appended in one write a request, whole lines or none, by any number of processes."""

import fcntl
import os
import threading
from pathlib import Path

from fleet.logsinks.rotation import Rotation

MODE = 0o644
TRIES = 200
"""To open a file that others set aside meanwhile. More than writers in a rush need; on a file system whose files never
keep their numbers, an end."""


class FileSink:
    """Appends lines to one file, which is made again when it disappears and set aside when it gets too large."""

    def __init__(self, path: Path, rotation: Rotation | None = None) -> None:
        self._path = path
        self._rotation = rotation
        self._file: int | None = None
        self._lock = threading.Lock()

    def write(self, lines: list[bytes]) -> None:
        """Write lines, each ended by a newline; the kernel has all of them when this returns, or none."""
        if not lines:
            return
        data = b"\n".join(lines) + b"\n"
        with self._lock:
            file = self._locked()
            try:
                size = os.fstat(file).st_size
                # Again and again: between the two locks another process may have filled the new file, too.
                while self._rotation is not None and size and size + len(data) > self._rotation.max_bytes:
                    self._rotation.set_aside(self._path)
                    fcntl.flock(file, fcntl.LOCK_UN)
                    file = self._locked()
                    size = os.fstat(file).st_size
                _append(file, data, size)
            finally:
                if self._file is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    def rotate(self) -> None:
        """Set the file aside now, if files are rotated at all."""
        with self._lock:
            if self._rotation is None:
                return
            file = self._locked()
            try:
                if os.fstat(file).st_size:
                    self._rotation.set_aside(self._path)
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._drop()

    def _locked(self) -> int:
        """The file that stands at the path now, locked against other processes."""
        for _ in range(TRIES):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if self._stands(self._file):
                return self._file
            self._drop()
        raise OSError(f"{self._path} is replaced all the time")

    def _stands(self, file: int) -> bool:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return False
        opened = os.fstat(file)
        return (found.st_ino, found.st_dev) == (opened.st_ino, opened.st_dev)

    def _drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _append(file: int, data: bytes, size: int) -> None:
    written = 0
    try:
        while written < len(data):
            written += os.write(file, data[written:] if written else data)
    except OSError:
        if written:
            os.ftruncate(file, size)  # half a line would spoil the next one; the agent sends all of them again
        raise
