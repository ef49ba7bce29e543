"""What a handler may ask about the request it serves."""

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from flask import current_app, g, request

from fleet.authz.check import Actor, Subject, can
from fleet.errors import Forbidden, Unauthenticated
from fleet.settings import Settings

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
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _within(address, trusted):
            break
        address = hop
    return address


def _within(address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks if network.version == parsed.version)


def network_of(address: str) -> str:
    """The network that a limit counts for: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
