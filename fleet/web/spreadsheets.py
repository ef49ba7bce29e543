"""Tables as CSV that a spreadsheet can open without running anything in them."""

import csv
import io
from collections.abc import Iterable
from datetime import datetime

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so is a formula to a spreadsheet."""


def line(values: Iterable[object]) -> str:
    """One line: none is empty, booleans are `true` and `false`, times RFC 3339; texts that a spreadsheet would run
    get an apostrophe in front."""
    out = io.StringIO()
    csv.writer(out).writerow([_cell(value) for value in values])
    return out.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return value
