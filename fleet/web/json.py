"""JSON as clients know it: two spaces of indent, UTC times in RFC 3339 with whole seconds."""

from typing import Any

import orjson
from flask.json.provider import JSONProvider
from pydantic import BaseModel

OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_APPEND_NEWLINE
COMPACT = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_NON_STR_KEYS


def _other(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump()
    raise TypeError(f"{type(value).__name__} is not JSON")


def dump(value: object, *, compact: bool = False) -> bytes:
    """A value as JSON bytes."""
    return orjson.dumps(value, default=_other, option=COMPACT if compact else OPTIONS | orjson.OPT_NON_STR_KEYS)


class Provider(JSONProvider):
    """Flask's JSON, by orjson."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return dump(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)
