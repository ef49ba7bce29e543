"""Bodies as agents send them: inflated within a bound, decoded leniently, never trusted."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from fleet.agents import slices
from fleet.errors import BadRequest, TooLarge
from fleet.web.gzip import gunzip

LARGE = 256 * 1024
"""Bytes of a body from which on its node key is looked at before the rest is parsed."""

MOST_BRACKETS = 1_000_000
"""Arrays and objects in a body; each costs far more memory than the two bytes that it takes to send."""

MOST_MEMBERS = 100
"""Members of a large body among which its node key is looked for; agents send five, and strangers shall not keep the
server busy."""

_REPAIR = re.compile(
    rb"\\(?:(\\|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

Fields = dict[str, Any]


def undecodable() -> BadRequest:
    """The refusal of a body that is no JSON, or not of the right types."""
    return BadRequest("json decoder error")


def inflate(body: bytes, headers: Mapping[str, str], cap: int) -> bytes:
    """The body without its compression: gzip, and only when the header says exactly so."""
    if headers.get("content-encoding") == "gzip":
        body = gunzip(body, cap)
    if len(body) > cap:
        raise TooLarge.than(cap)
    return body


def is_odd(body: bytes) -> bool:
    """Whether its texts may hold what no column can: NUL, or half a surrogate pair."""
    return b"\\u" in body and (b"\\u0000" in body or _SURROGATE.search(body) is not None)


def load(body: bytes) -> Fields:
    """The members of a JSON object by name in small letters; `null` has none.

    Only the first value of the body counts. What no column can hold, NUL and half a surrogate pair, and bytes that
    are no UTF-8 become U+FFFD: one odd file name on a computer must not silence the host.
    """
    if not body:
        raise BadRequest("Expected JSON Body")
    if len(body) > LARGE and body.count(b"[") + body.count(b"{") > MOST_BRACKETS:
        raise undecodable()
    if is_odd(body):
        body = _REPAIR.sub(lambda found: found[0] if found[1] else rb"\ufffd", body)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _second_try(body)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise undecodable()
    return {name.lower(): value for name, value in document.items()}


def _second_try(body: bytes) -> Any:
    try:
        return orjson.loads(slices.first_value(body.decode("utf-8", "replace").encode()))
    except ValueError as error:
        raise undecodable() from error


def text(fields: Fields, name: str) -> str:
    """A member that must be a text; absent and `null` are the empty one."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise undecodable()
    return value


def mapping(fields: Fields, name: str) -> Fields:
    """A member that must be an object; absent and `null` are the empty one."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise undecodable()
    return value


def node_key(body: bytes) -> str:
    """The node key of a body, whatever else there is in it."""
    if len(body) > LARGE:
        return _peek(body)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return text(load(body), "node_key")
    if type(document) is dict:
        key = document.get("node_key")
        if type(key) is str:
            return key
    return text(load(body), "node_key")


def _peek(body: bytes) -> str:
    """The node key of a large body, without building the rest in memory."""
    if body.count(b"[") + body.count(b"{") > MOST_BRACKETS:
        raise undecodable()
    try:
        for number, (name, value) in enumerate(slices.members(body)):
            if number >= MOST_MEMBERS:
                raise undecodable()
            if name == "node_key" and isinstance(value, bytes):
                return text({name: orjson.loads(value)}, name)
    except ValueError as error:
        raise undecodable() from error
    return ""


def rows(value: object) -> list[dict[str, str]]:
    """What a host answered to one query, as rows of texts; anything but an array is no rows."""
    if not isinstance(value, list):
        return []
    return [_row(row) for row in value if row is not None]


def _row(row: object) -> dict[str, str]:
    if not isinstance(row, dict):
        return {}
    if all(type(cell) is str for cell in row.values()):
        return row
    return {name: _cell(cell) for name, cell in row.items()}


def _cell(cell: object) -> str:
    if isinstance(cell, str):
        return cell
    return str(cell) if type(cell) in (int, float) else ""
