"""Bodies that come as gzip, for every door: inflated within a bound."""

import zlib

from fleet.errors import BadRequest, TooLarge

_WITH_HEADER = 31  # window bits that ask zlib for a gzip header
_MOST_MEMBERS = 16  # of a file, one after the other: clients send one, and each copies what follows it


def gunzip(body: bytes, cap: int) -> bytes:
    """A gzip body, inflated; `TooLarge` as soon as it passes `cap`, without inflating the rest."""
    parts: list[bytes] = []
    left = cap + 1
    try:
        for _ in range(_MOST_MEMBERS):
            member = zlib.decompressobj(_WITH_HEADER)
            parts.append(member.decompress(body, left))
            left -= len(parts[-1])
            if left <= 0:
                raise TooLarge.than(cap)
            if not member.eof:
                raise BadRequest("gzip decoder error")
            body = member.unused_data
            if not body:
                return b"".join(parts)
    except zlib.error:
        raise BadRequest("gzip decoder error") from None
    raise BadRequest("gzip decoder error")
