"""What a handler may ask about the request it serves."""

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from flask import current_app, g, request

from fleet.authz.check import Actor, Subject, can
from fleet.errors import Forbidden, Unauthenticated
from fleet.settings import Network, Settings

if TYPE_CHECKING:
    from fleet.runtime import Runtime


def runtime() -> "Runtime":
    """What this process holds."""
    return cast("Runtime", current_app.extensions["fleet"])


def settings() -> Settings:
    """The settings of this process."""
    return runtime().settings


def current_actor() -> Actor:
    """Who is asking; `Unauthenticated` when nobody known is."""
    actor = maybe_actor()
    if actor is None:
        raise Unauthenticated(g.get("refusal", "Authentication required"))
    return actor


def maybe_actor() -> Actor | None:
    """Who is asking, or none on pages for signed-out people."""
    return cast(Actor | None, g.get("actor"))


def authorize(action: str, subject: Subject) -> None:
    """Go on only if whoever asks may do `action` to `subject`: a loaded row, a `Thing`, or a class of rows."""
    actor = current_actor()
    g.asked = True
    if not can(actor, action, subject):
        raise Forbidden()


def anyone() -> None:
    """This handler is open to everybody who gets past its door; says so instead of asking the table."""
    g.asked = True


def allowed(decision: bool) -> None:
    """Go on only if a named rule (`can_run` and its like) said yes."""
    g.asked = True
    if not decision:
        raise Forbidden()


def after_commit(action: Callable[[], None]) -> None:
    """Do something once what this request wrote is stored: tell others, never before they can see it."""
    g.setdefault("after_commit", []).append(action)


def client_address() -> str:
    """The address of the client. X-Forwarded-For counts only when a trusted proxy sent it, and then the last
    address in it that is no trusted proxy itself."""
    return forwarded_address(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""), settings())


def forwarded_address(peer: str, forwarded: str, config: Settings) -> str:
    """The same for any door: `peer` is the socket's address, `forwarded` the header as it was sent."""
    trusted = config.server.trusted_proxies
    address = peer
    for hop in reversed(forwarded.split(",")) if forwarded else ():
        if not is_within(address, trusted):
            break
        told = _told(hop.strip())
        if told is None:  # not an address: whoever wrote it, the last that is known stands
            break
        address = told
    return address


def is_within(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address is in one of these networks."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks if network.version == parsed.version)


def _told(hop: str) -> str | None:
    """The address in a part of X-Forwarded-For, which some proxies write with a port."""
    with_port = re.fullmatch(r"\[([^\]]+)\](?::\d+)?|([\d.]+):\d+", hop)
    parsed = _parsed((with_port[1] or with_port[2]) if with_port else hop)
    return None if parsed is None else str(parsed)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address; an IPv4 one that a socket for both kinds shows as IPv6 is an IPv4 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def network_of(address: str) -> str:
    """The network that a limit counts for: an IPv4 address, or the /64 of an IPv6 one."""
    parsed = _parsed(address)
    if parsed is None:
        return "unknown"
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
