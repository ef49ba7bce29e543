"""The query string of a list becomes its options."""

import re

from flask import request

from fleet.db.listing import MAX_ROWS, ListOptions
from fleet.errors import BadRequest
from fleet.shapes import MAX_ID, digits

PER_PAGE = 20
"""Rows of a page when only the page is given."""


def list_options() -> ListOptions:
    """The list options of this request; a bad one is a `BadRequest` in the words that clients know."""
    given = request.args
    page = _number(given.get("page", ""), "page", least=0)
    per_page = min(_number(given.get("per_page", ""), "per_page", least=1), MAX_ROWS)
    if "page" in given and not given.get("per_page"):
        per_page = PER_PAGE
    direction = given.get("order_direction", "")
    order_key = given.get("order_key", "")
    if direction and not order_key:
        raise BadRequest("order_key must be specified with order_direction")
    if direction not in ("", "asc", "desc"):
        raise BadRequest(f"unknown order_direction: {direction}")
    match, after = given.get("query", ""), given.get("after", "")
    for name, text in (("query", match), ("after", after)):
        if "\x00" in text:
            raise BadRequest(f"{name} must not hold a NUL character")
    return ListOptions(page, per_page, order_key, direction == "desc", after, match.strip())


def _number(text: str, name: str, *, least: int) -> int:
    if text == "":
        return 0
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text):
        raise BadRequest(f"non-int {name} value")
    number = int(text)
    if number < least:
        raise BadRequest("negative page value" if name == "page" else f"invalid {name} value")
    if number > MAX_ID // MAX_ROWS:  # a page of the most rows must still begin where a database can count to
        raise BadRequest(f"{name} value is too large")
    return number


def flag(name: str) -> bool:
    """A yes-or-no query parameter: `1` and `true` are yes, anything else is no."""
    return request.args.get(name) in ("1", "true")


def number(name: str, *, least: int = 0, most: int = MAX_ID) -> int | None:
    """A numeric query parameter, or none when it is absent."""
    text = request.args.get(name, "")
    if text == "":
        return None
    value = digits(text, most)
    if value is None or value < least:
        raise BadRequest(f"{name} must be a number from {least} to {most}", name=name)
    return value
