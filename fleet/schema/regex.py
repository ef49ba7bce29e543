"""Regular expressions within a limit of time: what may take long is matched by another process."""

import json
import re
import subprocess
import sys
import threading

from . import matching
from .errors import Failed, TimedOut

PATTERN_MAX = 256  # osquery's --regex_max_size
# A pattern with a choice beside another, or with a repeated group, may try more ways than there is time for.
CHOICE = re.compile(r"[*+?{|]")
REPEATED_GROUP = re.compile(r"\)[*+?{]")
SHORT = 1000


def groups(pattern: str, subject: str) -> list[str] | None:
    """The first match and its groups, None without a match; raises Failed, or TimedOut after a second."""
    found: list[str] | None = _match("groups", pattern, subject)
    return found


def pieces(pattern: str, subject: str) -> list[str]:
    """What is between the matches, if it is anything; raises Failed, or TimedOut after a second."""
    found: list[str] | None = _match("pieces", pattern, subject)
    return found or []


def _match(wanted: str, pattern: str, subject: str) -> list[str] | None:
    _check(pattern)
    if len(subject) > SHORT or len(CHOICE.findall(pattern)) > 1 or REPEATED_GROUP.search(pattern):
        return _matcher.ask(wanted, pattern, subject)
    return matching.groups(pattern, subject) if wanted == "groups" else matching.pieces(pattern, subject)


def _check(pattern: str) -> None:
    if len(pattern.encode()) > PATTERN_MAX:
        raise Failed(f"Invalid regex: too big, max size is {PATTERN_MAX} bytes")
    try:
        matching.compiled(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise Failed("Invalid regex") from error


class Matcher:
    """The other process, started when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, wanted: str, pattern: str, subject: str) -> list[str] | None:
        """Its answer; raises TimedOut when it has died of the question."""
        with self._lock:
            process = self._process = self._process or _start()
            assert process.stdin and process.stdout
            try:
                print(json.dumps((wanted, pattern, subject)), file=process.stdin, flush=True)
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            if not line:
                self._process = None
                process.communicate()
                raise TimedOut(f"regex took longer than {matching.SECONDS:g} s")
        answer: list[str] | None = json.loads(line)
        return answer


def _start() -> subprocess.Popen[str]:
    command = [sys.executable, "-I", matching.__file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="ascii")


_matcher = Matcher()
