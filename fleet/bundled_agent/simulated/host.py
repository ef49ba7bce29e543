"""One simulated host: rows made from its identity when a query asks for them."""

import random
import time
from collections.abc import Container, Hashable, Iterable, Iterator, Sequence

from fleet.schema import Constraint, Row, tables

from . import darwin, linux, machine, windows
from .identity import BOOT_PERIOD, Identity, identity
from .software import KINDS, installed
from .templates import Template, template_of

FLEETD_TABLES = {
    "darwin": frozenset(
        ("filevault_prk", "google_chrome_profiles", "macos_profiles", "mdm", "munki_info", "orbit_info")
    ),
    "windows": frozenset(("google_chrome_profiles", "orbit_info")),
    "linux": frozenset(("google_chrome_profiles", "orbit_info")),
    "chrome": frozenset[str](),
}
# Tables with a row of the template for all its hosts.
OF_TEMPLATE = frozenset(("os_version", "kernel_info", "groups"))
SPECIAL = {"darwin": darwin.TABLES, "windows": windows.TABLES, "linux": linux.TABLES, "chrome": {}}
EMPTY = "empty"


class SimulatedHost:
    """A computer that does not exist. Knows its number and its seed, and makes up the rest each time."""

    __slots__ = ("_index", "_seed", "identity", "template")

    constrained: Container[str] = ()

    def __init__(self, seed: str, index: int) -> None:
        self._seed = seed
        self._index = index
        self.template: Template = template_of(index)
        self.identity: Identity = identity(seed, index, self.template)

    @property
    def platform(self) -> str:
        """darwin, linux, windows or chrome."""
        return self.template.platform

    @property
    def identifier(self) -> str:
        """The hardware uuid."""
        return self.identity.uuid

    @property
    def extensions(self) -> frozenset[str]:
        """What fleetd adds."""
        return FLEETD_TABLES[self.platform]

    @property
    def booted_at(self) -> int:
        """Hosts restart every few weeks, each in its own second."""
        now = int(time.time())
        return now - (now - self.identity.booted) % BOOT_PERIOD

    def chance(self, what: str) -> random.Random:
        """The same numbers for the same question, on every run."""
        return random.Random(f"{self._seed}/{self._index}/{what}")

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows of a table; none of one that the platform does not have."""
        if not self._has(table):
            return ()
        if table in KINDS:
            return self._software(table)
        generate = SPECIAL[self.platform].get(table) or machine.TABLES.get(table)
        return generate(self) if generate else ()

    def _software(self, table: str) -> Iterable[Row]:
        rows = installed(table, self.template, patched=self.identity.patched, chance=self.chance(table))
        if table in ("chrome_extensions", "firefox_addons"):
            uid = machine.person_uid(self)
            return [{**row, "uid": uid} for row in rows]
        return rows

    def scope(self, table: str) -> Hashable | None:
        """Hosts of one template share its tables; all hosts share the empty ones."""
        if table in OF_TEMPLATE:
            return (table, self.template.key)
        made = table in KINDS or table in SPECIAL[self.platform] or table in machine.TABLES
        return None if made and self._has(table) else EMPTY

    def _has(self, table: str) -> bool:
        return self.platform in tables()[table].platforms


def population(seed: str, count: int) -> Iterator[SimulatedHost]:
    """The first hosts of a seed."""
    return (SimulatedHost(seed, index) for index in range(count))
