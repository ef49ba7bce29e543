"""Where the values of a JSON document lie: it is cut into pieces without building them.

Osquery's logs must reach the log byte for byte, and a large body is not parsed before its node key is known.
The cutter only has to be right about well-formed documents: whoever uses the pieces also parses the whole.
"""

import re
from collections.abc import Iterator

import orjson

LONGEST_NAME = 64
DEPTH = 4
"""Arrays and objects inside each other that one expression takes in one go; what is deeper is walked through."""

# Possessive throughout, so that no input makes the expressions look back.
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SPACE = rb"[ \t\n\r]*+"


def _nested(depth: int) -> bytes:
    inside = rb"(?:" + _TEXT + (rb"|" + _nested(depth - 1) if depth else b"") + rb")"
    return rb'[\[{][^"\[\]{}]*+(?:' + inside + rb'[^"\[\]{}]*+)*+[\]}]'


_VALUE = rb'(?:[^\s,:"\[\]{}]++|' + _TEXT + rb"|" + _nested(DEPTH) + rb")"
_a_value = re.compile(_VALUE, re.DOTALL)
_an_element = re.compile(_SPACE + rb"(" + _VALUE + rb")" + _SPACE + rb"([,\]])", re.DOTALL)
_to_bracket = re.compile(rb'[^"\[\]{}]*+(?:' + _TEXT + rb'[^"\[\]{}]*+)*+', re.DOTALL)
_space = re.compile(_SPACE)


class Malformed(ValueError):
    """No JSON document."""


def first_value(body: bytes) -> bytes:
    """The first value of a body, without what follows it."""
    start = _skip(body, 0)
    return body[start : _end_of_value(body, start)]


def members(body: bytes, listed: str | None = None) -> Iterator[tuple[str, bytes | list[bytes]]]:
    """The members of an object: name in small letters and value as it stands, that of `listed` as its elements.

    Nothing when the body holds no object. A name longer than any that is used counts as "".
    """
    at = _skip(body, 0)
    if body[at : at + 1] != b"{":
        return
    at = _skip(body, at + 1)
    while body[at : at + 1] != b"}":
        end = _end_of_value(body, at)
        try:
            name = orjson.loads(body[at:end]) if end - at <= LONGEST_NAME else ""
        except orjson.JSONDecodeError:
            name = ""
        at = _skip(body, end)
        if body[at : at + 1] != b":":
            raise Malformed
        at = _skip(body, at + 1)
        name = str(name).lower()
        if name == listed and body[at : at + 1] == b"[":
            pieces, end = _elements(body, at)
            yield name, pieces
        else:
            end = _end_of_value(body, at)
            yield name, body[at:end]
        at = _skip(body, end)
        if body[at : at + 1] == b",":
            at = _skip(body, at + 1)
        elif body[at : at + 1] != b"}":
            raise Malformed


def elements(body: bytes) -> list[bytes]:
    """The elements of an array, as they stand."""
    return _elements(body, _skip(body, 0))[0]


def _elements(body: bytes, start: int) -> tuple[list[bytes], int]:
    """The elements of the array that begins at `start`, and where it ends."""
    if body[start : start + 1] != b"[":
        raise Malformed
    at = start + 1
    after = _skip(body, at)
    if body[after : after + 1] == b"]":
        return [], after + 1
    found: list[bytes] = []
    while True:
        match = _an_element.match(body, at)
        if match is not None:
            piece, separator = match.groups()
            at = match.end()
        else:  # nested too deep for the expression, or malformed
            begin = _skip(body, at)
            end = _end_of_value(body, begin)
            piece = body[begin:end]
            at = _skip(body, end) + 1
            separator = body[at - 1 : at]
        found.append(piece)
        if separator == b"]":
            return found, at
        if separator != b",":
            raise Malformed


def _end_of_value(body: bytes, start: int) -> int:
    match = _a_value.match(body, start)
    return match.end() if match is not None else _walk(body, start)


def _walk(body: bytes, start: int) -> int:
    """Where the array or object that begins at `start` ends, however deep it is."""
    depth, at, length = 0, start, len(body)
    if body[start : start + 1] not in (b"[", b"{"):
        raise Malformed
    while True:
        match = _to_bracket.match(body, at)
        at = match.end() if match is not None else length
        if at >= length or body[at] == 0x22:  # the end, or a text that has none
            raise Malformed
        depth += 1 if body[at] in b"[{" else -1
        at += 1
        if depth == 0:
            return at


def _skip(body: bytes, at: int) -> int:
    match = _space.match(body, at)
    return match.end() if match is not None else at
