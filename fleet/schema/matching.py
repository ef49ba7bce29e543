"""Matches regular expressions. As a program it answers one request a line, and dies of one that has no end."""

import json
import re
import signal
import sys
from functools import lru_cache

SECONDS = 1.0

compiled = lru_cache(maxsize=256)(re.compile)


def groups(pattern: str, subject: str) -> list[str] | None:
    """The first match and its groups; None without a match."""
    match = compiled(pattern).search(subject)
    return None if match is None else [group or "" for group in (match.group(), *match.groups())]


def pieces(pattern: str, subject: str) -> list[str]:
    """What is between the matches, if it is anything."""
    found: list[str] = []
    position = 0
    for match in compiled(pattern).finditer(subject):
        found.append(subject[position : match.start()])
        position = match.end()
    return [piece for piece in [*found, subject[position:]] if piece]


def main() -> None:
    """Answer until nobody asks; the alarm ends the process, since nothing else can end a match."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        wanted, pattern, subject = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        answer = groups(pattern, subject) if wanted == "groups" else pieces(pattern, subject)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
