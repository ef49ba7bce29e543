"""What the server's configuration asks of an agent: options, decorators, and the schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import orjson

Document = Mapping[str, object]


class BadConfiguration(ValueError):
    """A configuration that is not a JSON object."""


@dataclass(frozen=True, slots=True)
class ScheduledQuery:
    """One query of a pack or of the schedule."""

    pack: str
    name: str
    sql: str
    interval: int
    platform: str = ""
    version: str = ""
    shard: int = 0
    snapshot: bool = False
    removed: bool = True
    denylist: bool = True

    def full_name(self, delimiter: str) -> str:
        """The name in result logs and in osquery_schedule."""
        return f"pack{delimiter}{self.pack}{delimiter}{self.name}" if self.pack else self.name


@dataclass(frozen=True, slots=True)
class Pack:
    """A named set of queries for some hosts."""

    name: str
    platform: str = ""
    version: str = ""
    shard: int = 0
    discovery: tuple[str, ...] = ()
    queries: tuple[ScheduledQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class Decorators:
    """Queries whose columns are added to each log line, by when they run."""

    load: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    interval: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole configuration. Hosts that are sent the same bytes share one."""

    options: Mapping[str, object]
    decorators: Decorators
    packs: tuple[Pack, ...]


EMPTY = Configuration({}, Decorators(), ())


@lru_cache(maxsize=64)
def read(body: bytes) -> Configuration:
    """The configuration of a response; parts of the wrong type are left out, as osqueryd does."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadConfiguration("the configuration is not JSON") from error
    if not isinstance(document, dict):
        raise BadConfiguration("the configuration is not an object")
    schedule = Pack("", queries=_queries("", _object(document.get("schedule"))))
    packs = [_pack(name, _object(pack)) for name, pack in _object(document.get("packs")).items()]
    return Configuration(
        options=_object(document.get("options")),
        decorators=_decorators(_object(document.get("decorators"))),
        packs=tuple(pack for pack in (schedule, *packs) if pack.queries),
    )


def _object(value: object) -> Document:
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    values: Sequence[object] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(text for text in values if isinstance(text, str))


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _number(document: Document, name: str) -> int:
    """A whole number, also when it is written as a text."""
    value = document.get(name)
    if isinstance(value, str) and value.isdecimal() and len(value) < 15:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _flag(document: Document, name: str, default: bool) -> bool:
    value = document.get(name)
    return default if value is None else value in (True, 1, "true", "1")


def _pack(name: str, document: Document) -> Pack:
    return Pack(
        name=name,
        platform=_text(document, "platform"),
        version=_text(document, "version"),
        shard=_number(document, "shard"),
        discovery=_texts(document.get("discovery")),
        queries=_queries(name, _object(document.get("queries"))),
    )


def _queries(pack: str, document: Document) -> tuple[ScheduledQuery, ...]:
    found = []
    for name, value in document.items():
        query = _object(value)
        if not _text(query, "query"):
            continue
        found.append(
            ScheduledQuery(
                pack=pack,
                name=name,
                sql=_text(query, "query"),
                interval=_number(query, "interval"),
                platform=_text(query, "platform"),
                version=_text(query, "version"),
                shard=_number(query, "shard"),
                snapshot=_flag(query, "snapshot", False),
                removed=_flag(query, "removed", True),
                denylist=_flag(query, "denylist", True),
            )
        )
    return tuple(found)


def _decorators(document: Document) -> Decorators:
    intervals = _object(document.get("interval"))
    return Decorators(
        load=_texts(document.get("load")),
        always=_texts(document.get("always")),
        interval=tuple(
            (int(seconds), _texts(queries))
            for seconds, queries in intervals.items()
            if seconds.isdecimal() and 0 < len(seconds) < 10 and int(seconds)
        ),
    )
