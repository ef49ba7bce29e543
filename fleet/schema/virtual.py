"""One table of the schema as a virtual table of SQLite: constraints go down, rows come up."""

import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, cast

import apsw

from .catalog import Table
from .functions import Value, text

Row = Mapping[str, Value]

COST_OF_SCAN = 10_000.0
COST_OF_LOOKUP = 10.0
COST_WITHOUT_REQUIRED = 1e12


class Operator(Enum):
    """How a constraint compares; others are left to SQLite."""

    EQUALS = "="
    LIKE = "LIKE"
    GLOB = "GLOB"


OPERATORS = {
    apsw.SQLITE_INDEX_CONSTRAINT_EQ: Operator.EQUALS,
    apsw.SQLITE_INDEX_CONSTRAINT_LIKE: Operator.LIKE,
    apsw.SQLITE_INDEX_CONSTRAINT_GLOB: Operator.GLOB,
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a query wants of a column."""

    column: str
    operator: Operator
    value: str


class RowSource(Protocol):
    """What a virtual table needs of a source."""

    @property
    def constrained(self) -> Container[str]:
        """Tables that look at their constraints; all others are read whole, once a query."""

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows of a table."""


@dataclass(slots=True)
class Run:
    """One query under way. Tables are read once for it, and looked up by what it joins on."""

    source: RowSource
    deadline: float
    whole: dict[str, list[Row]] = field(default_factory=dict)
    indexes: dict[tuple[str, str], dict[str, list[Row]]] = field(default_factory=dict)

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        """The rows that a cursor walks over."""
        if table in self.source.constrained:
            return self.source.rows(table, constraints)
        for constraint in constraints:
            if constraint.operator is Operator.EQUALS:
                return self._index(table, constraint.column).get(constraint.value, ())
        return self._whole(table)

    def _whole(self, table: str) -> list[Row]:
        if table not in self.whole:
            rows = []
            for row in self.source.rows(table, ()):
                self.look()
                rows.append(row)
            self.whole[table] = rows
        return self.whole[table]

    def look(self) -> None:
        """Look at the clock; raises apsw.InterruptError when the time is up."""
        if time.monotonic() > self.deadline:
            raise apsw.InterruptError("interrupted")

    def _index(self, table: str, column: str) -> dict[str, list[Row]]:
        key = (table, column)
        if key not in self.indexes:
            index: dict[str, list[Row]] = {}
            for row in self._whole(table):
                index.setdefault(text(row.get(column)), []).append(row)
            self.indexes[key] = index
        return self.indexes[key]


class Host(Protocol):
    """The database that a virtual table belongs to."""

    @property
    def running(self) -> Run:
        """The query that runs now."""

    def constrain(self, table: str) -> None:
        """Note that a required column of the table is constrained."""


def module(table: Table, declaration: str, host: Host) -> "apsw.VTModule":
    """The apsw module of a table."""
    return cast("apsw.VTModule", VirtualTable(table, declaration, host))


class VirtualTable:
    """Module and table in one: there is exactly one instance of an eponymous table."""

    def __init__(self, table: Table, declaration: str, host: Host) -> None:
        self._table = table
        self._declaration = declaration
        self._host = host
        self._pushed = [c.index or c.required or c.additional for c in table.columns]
        # An index over equal texts finds nothing where SQLite would ignore case or compare versions.
        self._exact = [not c.collate for c in table.columns]
        self._names = tuple(c.name for c in table.columns)

    def Connect(self, *_arguments: object) -> "tuple[str, VirtualTable]":
        return self._declaration, self

    Create = Connect

    def Disconnect(self) -> None:
        """Nothing to give back."""

    Destroy = Disconnect

    def Open(self) -> "Cursor":
        return Cursor(self._table.name, self._names, self._host)

    def BestIndexObject(self, info: apsw.IndexInfo) -> bool:
        """Take the constraints that a source or an index can use; SQLite checks all of them again."""
        taken: list[str] = []
        met = not self._table.required
        equal = False
        for which in range(info.nConstraint):
            column = info.get_aConstraint_iColumn(which)
            if column < 0 or not self._pushed[column]:
                continue
            if self._table.columns[column].required:
                self._host.constrain(self._table.name)
            operator = OPERATORS.get(info.get_aConstraint_op(which))
            if operator is None or not info.get_aConstraint_usable(which):
                continue
            if operator is Operator.EQUALS and not self._exact[column]:
                continue
            taken.append(f"{column} {operator.name}")
            info.set_aConstraintUsage_argvIndex(which, len(taken))
            met = met or self._table.columns[column].required
            equal = equal or operator is Operator.EQUALS
        info.idxStr = ",".join(taken)
        info.estimatedCost = (COST_OF_LOOKUP if equal else COST_OF_SCAN) if met else COST_WITHOUT_REQUIRED
        return True


class Cursor:
    """Walks over the rows of one table."""

    def __init__(self, table: str, names: tuple[str, ...], host: Host) -> None:
        self._table = table
        self._names = names
        self._host = host
        self._rows: Iterator[Row] = iter(())
        self._row: Row | None = None

    def Filter(self, _number: int, plan: str | None, values: Sequence[Value] | None) -> None:
        constraints = []
        for part, value in zip((plan or "").split(",") if plan else (), values or (), strict=True):
            column, operator = part.split(" ")
            constraints.append(Constraint(self._names[int(column)], Operator[operator], text(_whole(value))))
        self._rows = iter(self._host.running.rows(self._table, constraints))
        self.Next()

    def Next(self) -> None:
        self._host.running.look()
        self._row = next(self._rows, None)

    def Eof(self) -> bool:
        return self._row is None

    def Column(self, number: int) -> Value:
        if self._row is None:
            return None
        return self._row.get(self._names[number]) if number >= 0 else self.Rowid()

    def Rowid(self) -> int:
        """The same for the same row, whichever way a query with OR found it."""
        return hash(tuple((self._row or {}).values())) & 0x7FFF_FFFF_FFFF_FFFF

    def Close(self) -> None:
        self._rows = iter(())
        self._row = None


def _whole(value: Value) -> Value:
    """1.0 finds 1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
