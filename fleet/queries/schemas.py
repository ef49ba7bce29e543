"""What crosses the wire about saved queries and their schedules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer
from pydantic_core import PydanticCustomError

from fleet import names
from fleet.queries.models import Query
from fleet.schema import SQL_MAX
from fleet.shapes import Body, Id, Ids, Out

SECONDS_MAX = 2**32 - 1
SPECS_MAX = 10_000
"""Specs of one kind that are applied together."""


def _comparable(name: str) -> str:
    if names.too_long(name):
        raise PydanticCustomError("string_too_long", "name is too long to be compared")
    return name


ShortText = Annotated[str, StringConstraints(max_length=names.MAX)]
Name = Annotated[ShortText, AfterValidator(_comparable)]
Description = Annotated[str, StringConstraints(max_length=65535)]
Sql = Annotated[str, StringConstraints(max_length=SQL_MAX)]
Interval = Annotated[int, Field(ge=0, le=SECONDS_MAX)]
"""Seconds; a negative number is not one."""


class NewQuery(Body):
    """A query to save. Name and SQL are required; that they are there is the service's to say."""

    name: Name = ""
    description: Description = ""
    query: Sql = ""
    team_id: Id | None = None
    interval: Interval = 0
    platform: ShortText = ""
    min_osquery_version: ShortText = ""
    observer_can_run: bool = False
    automations_enabled: bool = False
    logging: ShortText = ""


class QueryChange(Body):
    """What to change of a query; what is absent stays."""

    name: Name | None = None
    description: Description | None = None
    query: Sql | None = None
    interval: Interval | None = None
    platform: ShortText | None = None
    min_osquery_version: ShortText | None = None
    observer_can_run: bool | None = None
    automations_enabled: bool | None = None
    logging: ShortText | None = None


class QueryIds(Body):
    """Queries to delete together."""

    ids: Ids = []


class QuerySpec(Body):
    """A query as people keep it in a file; applying it overwrites every field."""

    name: Name = ""
    description: Description = ""
    query: Sql = ""
    team: ShortText = ""
    interval: Interval = 0
    observer_can_run: bool = False
    platform: ShortText = ""
    min_osquery_version: ShortText = ""
    automations_enabled: bool = False
    logging: ShortText = ""


class QuerySpecs(Body):
    """Query specs to apply together."""

    specs: Annotated[list[QuerySpec], Field(max_length=SPECS_MAX)] = []


class Schedule(Body):
    """A query to be copied into the schedule of everybody or of a team."""

    query_id: Id = 0
    interval: Interval = 0
    snapshot: bool | None = None
    removed: bool | None = None
    platform: ShortText | None = None
    version: ShortText | None = None
    shard: Id | None = None


class ScheduleChange(Body):
    """What to change of a scheduled query; what is absent stays."""

    interval: Interval | None = None
    snapshot: bool | None = None
    removed: bool | None = None
    platform: ShortText | None = None
    version: ShortText | None = None
    shard: Id | None = None


class Shown(Out):
    """An answer that leaves out some keys while they are empty, as clients know it."""

    @model_serializer(mode="wrap")
    def _filled(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if not self.left_out(key, value)}

    @classmethod
    def left_out(cls, key: str, value: object) -> bool:
        """Whether the key is left out with this value."""
        return key in ("description", "platform") and value == ""


class StatsOut(Out):
    """What running a query costs on hosts; all null while no host has told."""

    system_time_p50: float | None = None
    system_time_p95: float | None = None
    user_time_p50: float | None = None
    user_time_p95: float | None = None
    total_executions: int | None = None


class PackOfQueryOut(Shown):
    """A pack, short, inside a query that it schedules."""

    created_at: datetime
    updated_at: datetime
    id: int
    name: str
    description: str
    platform: str
    disabled: bool
    type: None = None
    labels: None = None
    hosts: None = None
    teams: None = None
    host_ids: None = None
    label_ids: None = None
    team_ids: None = None


class QueryOut(Out):
    """A saved query as it is shown."""

    created_at: datetime
    updated_at: datetime
    id: int
    team_id: int | None
    interval: int
    platform: str
    min_osquery_version: str
    automations_enabled: bool
    logging: str
    name: str
    description: str
    query: str
    saved: bool
    observer_can_run: bool
    author_id: int | None
    author_name: str
    author_email: str
    packs: Sequence[PackOfQueryOut]
    stats: StatsOut = StatsOut()


class QuerySpecOut(Out):
    """A query as people keep it in a file."""

    name: str
    description: str
    query: str
    team: str
    interval: int
    observer_can_run: bool
    platform: str
    min_osquery_version: str
    automations_enabled: bool
    logging: str

    @classmethod
    def of(cls, query: Query, team: str) -> "QuerySpecOut":
        """The spec that would make this query again."""
        fields = [name for name in cls.model_fields if name != "team"]
        return cls(team=team, **{name: getattr(query, name) for name in fields})


class ScheduledOut(Shown):
    """A query on an interval: an entry of a pack, or a scheduled query in the same clothes."""

    created_at: datetime
    updated_at: datetime
    id: int
    pack_id: int
    name: str
    query_id: int
    query_name: str
    query: str
    description: str
    interval: int
    snapshot: bool | None
    removed: bool | None
    platform: str | None
    version: str | None
    shard: int | None
    denylist: bool | None
    stats: StatsOut = StatsOut()

    @classmethod
    def left_out(cls, key: str, value: object) -> bool:
        """Whether the key is left out with this value."""
        return (key == "description" and value == "") or (key in ("platform", "version") and value is None)
