"""The parents of everything on the wire."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_ID = 2**63 - 1
"""The largest id that both databases hold."""

MAX_IDS = 100_000
"""Ids that one request may list."""

Id = Annotated[int, Field(ge=0, le=MAX_ID)]
Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]


def digits(text: str, most: int = MAX_ID) -> int | None:
    """A number that came as text, from 0 to `most`; none when it is anything else."""
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    number = int(text)
    return number if number <= most else None


def _refuse_nul(value: Any, path: str) -> None:
    # Not by recursion: JSON may be nested deeper than Python calls.
    waiting = [(value, path)]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, str):
            if "\x00" in value:
                raise PydanticCustomError("nul", "{path} must not hold a NUL character", {"path": path})
        elif isinstance(value, list):
            waiting += [(item, path) for item in reversed(value)]
        elif isinstance(value, dict):
            waiting += [pair for key, item in value.items() for pair in ((item, key), (key, path))]


class Body(BaseModel):
    """A JSON body as clients send it: unknown keys are ignored, keys are matched in any letter case,
    `null` is the same as absent, and no text holds a NUL character."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _as_sent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        names = {(field.alias or name).lower(): field.alias or name for name, field in cls.model_fields.items()}
        known: dict[str, Any] = {}
        for key, value in data.items():
            name = names.get(key.lower())
            if name is not None and value is not None:
                _refuse_nul(value, name)
                known[name] = value
        return known


class Out(BaseModel):
    """What an answer shows; only the fields listed here ever leave the server."""

    model_config = ConfigDict(frozen=True)
