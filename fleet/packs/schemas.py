"""What crosses the wire about packs and their entries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from fleet.packs.models import Pack
from fleet.queries.schemas import SPECS_MAX, Name, ShortText, Shown
from fleet.shapes import Body, Id, Ids, Out

SHARD_MAX = 2**31 - 1

Names = Annotated[list[str], Field(max_length=SPECS_MAX)]
Shard = Annotated[int, Field(ge=0, le=SHARD_MAX)]
EntryDescription = Annotated[str, StringConstraints(max_length=1023)]


class NewPack(Body):
    """A pack to make. The name is required; that it is there is the service's to say."""

    name: Name = ""
    description: ShortText = ""
    platform: ShortText = ""
    disabled: bool = False
    host_ids: Ids | None = None
    label_ids: Ids | None = None
    team_ids: Ids | None = None


class PackChange(Body):
    """What to change of a pack; what is absent stays, a list of ids replaces that list."""

    name: Name | None = None
    description: ShortText | None = None
    platform: ShortText | None = None
    disabled: bool | None = None
    host_ids: Ids | None = None
    label_ids: Ids | None = None
    team_ids: Ids | None = None


class NewEntry(Body):
    """A query to schedule in a pack."""

    pack_id: Id = 0
    query_id: Id | None = None
    interval: Id = 0
    snapshot: bool | None = None
    removed: bool | None = None
    platform: ShortText | None = None
    version: ShortText | None = None
    shard: Shard | None = None


def _lenient_shard(value: Any) -> Any:
    """Clients say 10 or "10" for a share, and "" for none."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 else value


class EntryChange(Body):
    """What to change of an entry; what is absent stays, an empty shard removes it."""

    pack_id: Id | None = None
    query_id: Id | None = None
    interval: Id | None = None
    snapshot: bool | None = None
    removed: bool | None = None
    platform: ShortText | None = None
    version: ShortText | None = None
    shard: Annotated[Shard | Literal[""] | None, BeforeValidator(_lenient_shard)] = None


class TargetOut(Out):
    """A label, host or team that gets a pack."""

    type: Literal["label", "host", "team"]
    id: int
    display_text: str


class PackOut(Shown):
    """A pack as it is shown. Answers to a creation hold the ids as they were sent, and no targets."""

    created_at: datetime
    updated_at: datetime
    id: int
    name: str
    description: str
    platform: str
    disabled: bool
    type: None = None
    labels: Sequence[TargetOut] | None
    hosts: Sequence[TargetOut] | None
    teams: Sequence[TargetOut] | None
    query_count: int
    total_hosts_count: int
    host_ids: Sequence[int] | None
    label_ids: Sequence[int] | None
    team_ids: Sequence[int] | None


class EntrySpec(Body):
    """A query in a pack, as people keep it in a file."""

    query: Name = ""
    name: Name = ""
    description: EntryDescription = ""
    interval: Id = 0
    snapshot: bool | None = None
    removed: bool | None = None
    shard: Shard | None = None
    platform: ShortText | None = None
    version: ShortText | None = None
    denylist: bool | None = None


class TargetsSpec(Body):
    """The labels and teams that get a pack, by name."""

    labels: Names | None = None
    teams: Names | None = None


class PackSpec(Body):
    """A pack as people keep it in a file; applying it overwrites everything."""

    name: Name = ""
    description: ShortText = ""
    platform: ShortText = ""
    disabled: bool = False
    targets: TargetsSpec = TargetsSpec()
    queries: Annotated[list[EntrySpec], Field(max_length=SPECS_MAX)] = []


class PackSpecs(Body):
    """Pack specs to apply together."""

    specs: Annotated[list[PackSpec], Field(max_length=SPECS_MAX)] = []


class EntrySpecOut(Shown):
    """An entry, by the names that a file has."""

    query: str
    name: str
    description: str
    interval: int
    snapshot: bool | None
    removed: bool | None
    shard: int | None
    platform: str | None
    version: str | None
    denylist: bool | None

    @classmethod
    def left_out(cls, key: str, value: object) -> bool:
        """Whether the key is left out with this value."""
        return value is None


class TargetsSpecOut(Out):
    """The labels and teams that get a pack, by name; null where there are none."""

    labels: list[str] | None
    teams: list[str] | None


class PackSpecOut(Shown):
    """A pack as people keep it in a file."""

    id: int
    name: str
    description: str
    platform: str
    disabled: bool
    targets: TargetsSpecOut
    queries: list[EntrySpecOut]

    @classmethod
    def left_out(cls, key: str, value: object) -> bool:
        """Whether the key is left out with this value."""
        return super().left_out(key, value) or (key == "queries" and not value)

    @classmethod
    def of(cls, pack: Pack, labels: list[str], teams: list[str], queries: list[EntrySpecOut]) -> "PackSpecOut":
        """The spec that would make this pack again."""
        return cls(
            id=pack.id,
            name=pack.name,
            description=pack.description,
            platform=pack.platform,
            disabled=pack.disabled,
            targets=TargetsSpecOut(labels=labels or None, teams=teams or None),
            queries=queries,
        )
