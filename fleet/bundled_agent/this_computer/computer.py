"""The machine that the agent runs on."""

import logging
import sys
import uuid
from collections.abc import Hashable, Iterable, Iterator, Sequence

import psutil

from fleet.bundled_agent.state import State
from fleet.schema import Constraint, Row

from . import accounts, files, network, packages, processes, software, storage, system
from .registry import CONSTRAINED, GENERATORS, Generate

log = logging.getLogger(__name__)

PLATFORMS = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
# Firmware that nobody filled in says one of these; osqueryd does not believe them either.
PLACEHOLDERS = frozenset(
    ("00000000-0000-0000-0000-000000000000", "03000200-0400-0500-0006-000700080009",
     "03020100-0504-0706-0809-0A0B0C0D0E0F", "10000000-0000-8000-0040-000000000000",
     "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")
)  # fmt: skip
MODULES = (accounts, files, network, packages, processes, software, storage, system)
"""Their tables are known once they are imported."""


class ThisComputer:
    """Real rows, read when a query asks for them."""

    constrained = frozenset(CONSTRAINED)
    extensions: frozenset[str] = frozenset()

    def __init__(self, state: State | None = None) -> None:
        """The state remembers a uuid for hardware that has none."""
        self._state = state or State()
        self._uuid = ""

    @property
    def platform(self) -> str:
        """linux, darwin or windows."""
        return PLATFORMS.get(sys.platform, "linux")

    @property
    def identifier(self) -> str:
        """The hardware's uuid, or one made up once."""
        if not self._uuid:
            found = system.hardware_uuid()
            self._uuid = found if _credible(found) else self._state.own_uuid()
        return self._uuid

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows of a table; none of one that this agent does not fill."""
        generate = GENERATORS.get(table)
        if generate is None:
            return ()
        rows = _while_it_goes(table, generate, constraints)
        return [{**row, "uuid": self.identifier} for row in rows] if table == "system_info" else rows

    def scope(self, table: str) -> Hashable | None:
        """Nothing is shared."""
        return None


def _while_it_goes(table: str, generate: Generate, constraints: Sequence[Constraint]) -> Iterator[Row]:
    """Rows one by one, so that a query can be stopped; they end where something cannot be read."""
    try:
        for row in generate(constraints):
            yield {column: _unicode(value) if isinstance(value, str) else value for column, value in row.items()}
    except (OSError, psutil.Error, ValueError, LookupError) as error:  # unreadable, gone, or not as expected
        log.warning("table %s is not complete: %s", table, error)


def _unicode(text: str) -> str:
    """Names of files and arguments of processes may be any bytes; SQLite takes none that are not UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _credible(text: str) -> bool:
    try:
        return str(uuid.UUID(text)).upper() not in PLACEHOLDERS
    except ValueError:
        return False
