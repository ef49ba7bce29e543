"""The tables that this computer fills, each by one function; small helpers that they share."""

import os
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from fleet.schema import Constraint, Operator, Value

Row = dict[str, Value]
Generate = Callable[[Sequence[Constraint]], Iterable[Row]]

COMMAND_TIMEOUT = 20.0
READ_MAX = 50 * 1024 * 1024  # osquery's --read_max

GENERATORS: dict[str, Generate] = {}
CONSTRAINED: set[str] = set()


def table(name: str, *, constrained: bool = False) -> Callable[[Generate], Generate]:
    """Register the function that fills a table; a constrained one is called for each set of constraints."""

    def register(generate: Generate) -> Generate:
        GENERATORS[name] = generate
        if constrained:
            CONSTRAINED.add(name)
        return generate

    return register


def wanted(constraints: Sequence[Constraint], column: str) -> list[str]:
    """The values that a column must equal."""
    return [c.value for c in constraints if c.column == column and c.operator is Operator.EQUALS]


def read(path: str | Path) -> str:
    """The text of a regular file; empty when it is another, is not there or not ours to read."""
    try:
        with open(path, "rb", opener=without_waiting) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return file.read(READ_MAX).decode("utf-8", "replace").strip() if regular else ""
    except (OSError, ValueError):
        return ""


def without_waiting(path: str, flags: int) -> int:
    """Opens also what only answers when somebody writes to it: anybody may put a pipe into a folder of theirs."""
    return os.open(path, flags | os.O_NONBLOCK)


def lines(path: str | Path) -> Iterator[str]:
    """The lines of a file that say something."""
    for line in read(path).splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def command(*arguments: str) -> list[str]:
    """The lines that a program prints; none when it is missing, fails or hangs."""
    try:
        done = subprocess.run(
            arguments, capture_output=True, timeout=COMMAND_TIMEOUT, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return done.stdout.decode("utf-8", "replace").splitlines()


def number(text: str) -> int | None:
    """A whole number, or nothing."""
    try:
        return int(text)
    except ValueError:
        return None
