"""Bodies that come as gzip."""

import gzip
import resource
import zlib

import pytest

from fleet.errors import BadRequest, TooLarge
from fleet.web.gzip import gunzip


def test_a_gzip_bomb_is_refused_in_bounded_memory() -> None:
    packer = zlib.compressobj(wbits=31)  # piece by piece: the peak of making it would hide that of opening it
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLarge):
        gunzip(bomb, 1 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KiB


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"{}", mtime=0)[:-6], b""])
def test_broken_gzip_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match="gzip decoder error"):
        gunzip(body, 1 << 20)


def test_a_body_in_several_members_is_one_body() -> None:
    assert gunzip(gzip.compress(b"{") + gzip.compress(b"}"), 2) == b"{}"
    with pytest.raises(TooLarge):
        gunzip(gzip.compress(b"{") + gzip.compress(b"}"), 1)


def test_a_body_of_countless_empty_members_is_refused() -> None:
    with pytest.raises(BadRequest, match="gzip decoder error"):
        gunzip(gzip.compress(b"") * 100_000, 1 << 20)
