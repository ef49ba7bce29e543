"""Forms of something that another hand may have changed since it was opened."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not the same in what was stored meanwhile and in what was typed."""

    label: str
    lines: Sequence[tuple[str, str]]


def stamp(changed: datetime) -> str:
    """What tells one version of something from the next: when it was changed, to the microsecond."""
    return changed.isoformat()


def differences(labels: Mapping[str, str], theirs: Mapping[str, str], mine: Mapping[str, str]) -> list[Difference]:
    """What saving would change in these fields: lines marked `-` are stored, lines marked `+` were typed."""
    return [
        Difference(label, [(line[0], line[2:]) for line in _compared(theirs[name], mine[name]) if line[0] in "-+ "])
        for name, label in labels.items()
        if theirs[name] != mine[name]
    ]


def _compared(theirs: str, mine: str) -> Sequence[str]:
    return list(difflib.ndiff(theirs.splitlines(), mine.splitlines()))
