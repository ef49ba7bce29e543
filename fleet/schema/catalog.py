"""The tables that osquery and fleetd have: names, columns, platforms, examples."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NotRequired, TypedDict

HERE = Path(__file__).parent


class ColumnSpec(TypedDict):
    """A column as the data files say it; a flag that is absent is false."""

    name: str
    type: str
    description: NotRequired[str]
    platforms: NotRequired[list[str]]
    collate: NotRequired[str]
    required: NotRequired[bool]
    index: NotRequired[bool]
    hidden: NotRequired[bool]
    additional: NotRequired[bool]


class TableSpec(TypedDict):
    """A table as the data files say it."""

    name: str
    description: str
    platforms: list[str]
    columns: list[ColumnSpec]
    evented: NotRequired[bool]
    cacheable: NotRequired[bool]
    examples: NotRequired[list[str]]
    notes: NotRequired[str]
    url: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `platforms` is empty when every platform of the table has it."""

    name: str
    type: str
    description: str = ""
    platforms: tuple[str, ...] = ()
    collate: str = ""
    required: bool = False
    index: bool = False
    hidden: bool = False
    additional: bool = False

    def hidden_on(self, platform: str) -> bool:
        """Whether SELECT * leaves the column out: it is hidden, or belongs to other platforms."""
        return self.hidden or bool(platform and self.platforms and platform not in self.platforms)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the schema."""

    name: str
    description: str
    platforms: tuple[str, ...]
    columns: tuple[Column, ...]
    evented: bool = False
    cacheable: bool = False
    examples: tuple[str, ...] = ()
    notes: str = ""
    url: str = ""

    @property
    def required(self) -> frozenset[str]:
        """The columns one of which a query must constrain."""
        return frozenset(column.name for column in self.columns if column.required)


@cache
def tables() -> Mapping[str, Table]:
    """Every table by its name, sorted; read once."""
    osquery = json.loads((HERE / "osquery_tables.json").read_text("utf-8"))
    fleet = json.loads((HERE / "fleet_tables.json").read_text("utf-8"))
    specs: dict[str, TableSpec] = {spec["name"]: spec for spec in osquery["tables"]}
    for name, amendment in fleet["amendments"].items():
        specs[name]["platforms"] += amendment["platforms"]
        specs[name]["columns"] += amendment.get("columns", [])
    for spec in fleet["tables"]:
        specs.setdefault(spec["name"], spec)
    return MappingProxyType({name: _table(specs[name]) for name in sorted(specs)})


@cache
def osquery_version() -> str:
    """The release of osquery that the schema was generated from, for example 5.23.0."""
    head: str = json.loads((HERE / "osquery_tables.json").read_text("utf-8"))["version"]
    return head.partition("-")[0]


def _table(spec: TableSpec) -> Table:
    return Table(
        name=spec["name"],
        description=spec["description"],
        platforms=tuple(sorted(spec["platforms"])),
        columns=tuple(_column(column) for column in spec["columns"]),
        evented=spec.get("evented", False),
        cacheable=spec.get("cacheable", False),
        examples=tuple(spec.get("examples", ())),
        notes=spec.get("notes", ""),
        url=spec.get("url", ""),
    )


def _column(spec: ColumnSpec) -> Column:
    return Column(
        name=spec["name"],
        type=spec["type"],
        description=spec.get("description", ""),
        platforms=tuple(spec.get("platforms", ())),
        collate=spec.get("collate", ""),
        required=spec.get("required", False),
        index=spec.get("index", False),
        hidden=spec.get("hidden", False),
        additional=spec.get("additional", False),
    )
