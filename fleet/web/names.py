"""Names in paths, which clients escape twice."""

import re
from urllib.parse import unquote

from fleet.errors import BadRequest

ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


def decoded(segment: str) -> str:
    """What a client meant by a path segment that the server has decoded once already: fleetctl escapes names twice
    (Fleet API for contributors), so it is decoded once more."""
    if ESCAPE.search(segment):
        raise BadRequest("stringFromRequest")
    try:
        name = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise BadRequest("stringFromRequest") from None
    if "\x00" in name:
        raise BadRequest("a name must not hold a NUL character")
    return name
