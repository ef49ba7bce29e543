"""Addresses that clients name: where the page stands that asks, or where somebody came from."""

from urllib.parse import SplitResult, urlsplit

from flask import request

NOWHERE = SplitResult("", "", "", "", "")


def parts(address: str) -> SplitResult:
    """The parts of an address, all of them empty if it is none."""
    try:
        return urlsplit(address)
    except ValueError:
        return NOWHERE


def own_origin(*, missing: bool) -> bool:
    """Whether the Origin of the request is this server; `missing`: what holds for programs, which send none."""
    origin = request.headers.get("Origin")
    if origin is None:
        return missing
    return parts(origin).netloc.lower() == request.host.lower()
