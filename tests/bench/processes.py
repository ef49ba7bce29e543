"""Processes of the bench: started on a core of their own, measured from outside, and never left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 12.0
SERVER, CLIENT = 0, 1
"""Which of the cores; on a machine with one nothing is pinned."""
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(which: int, pid: int = 0) -> None:
    """Keep a process (0: this one) on one core, where there are several."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[which]})


class Process:
    """A Python module that runs beside this process; leaving the `with` ends it."""

    def __init__(self, *module: str, core: int, log: Path, environment: Mapping[str, str] | None = None) -> None:
        """What it says stands in `log`; standard output too, except where a client is asked for figures."""
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if core == CLIENT else file,
                stderr=file,
                env=_clean() | dict(environment or {}),
                start_new_session=True,
            )
        pin(core, self._process.pid)

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def ask(self, line: bytes) -> bytes:
        """Send it a line; the line that it answers."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a process of the bench ended: {self._process.args!r}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def cpu_seconds(self) -> float:
        """The time of a processor that it has used, in user mode and in the kernel."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def megabytes(self) -> tuple[float, float]:
        """Its memory: RSS, and PSS, in which what it shares is counted in part."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
        return sizes["Rss"] / 1024, sizes["Pss"] / 1024


def _clean() -> dict[str, str]:
    """This process's environment without settings of a server: the bench measures the defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
