"""Tables about the network: interfaces, addresses, routes, neighbours, names."""

import ipaddress
import socket
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil

from fleet.schema import Constraint

from .registry import Row, lines, number, read, table

PROC = Path("/proc/net")
# Flags of routes, as the kernel writes them in /proc/net.
UP, GATEWAY, REJECT, ANYCAST, LOCAL = 0x1, 0x2, 0x200, 0x10_0000, 0x8000_0000
PERMANENT = 0x4  # of a neighbour
RUNNING = 0x40  # of an interface; /sys leaves it out
LINK_FAMILIES = tuple(
    getattr(socket, name) for name in ("AF_PACKET", "AF_LINK") if hasattr(socket, name)
)  # Linux, macOS


@table("interface_addresses")
def interface_addresses(_: Sequence[Constraint]) -> Iterable[Row]:
    """The IP addresses of each interface."""
    for interface, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                yield {
                    "interface": interface, "address": address.address.partition("%")[0], "mask": address.netmask or "",
                    "broadcast": address.broadcast or "", "point_to_point": address.ptp or "",
                    "type": "unknown",
                }  # fmt: skip


@table("interface_details")
def interface_details(_: Sequence[Constraint]) -> Iterable[Row]:
    """The hardware of each interface, and what went through it."""
    states, traffic = psutil.net_if_stats(), psutil.net_io_counters(pernic=True)
    for interface, addresses in psutil.net_if_addrs().items():
        system = Path("/sys/class/net", interface)
        macs = [address.address for address in addresses if address.family in LINK_FAMILIES]
        state, counted = states.get(interface), traffic.get(interface)
        yield {
            "interface": interface, "mac": macs[0].lower() if macs else "00:00:00:00:00:00",
            "type": number(read(system / "type")) or 0, "mtu": state.mtu if state else 0, "metric": 0,
            "flags": int(read(system / "flags") or "0", 16) | (RUNNING if state and state.isup else 0),
            "link_speed": state.speed if state else 0,
            "ipackets": counted.packets_recv if counted else 0,
            "opackets": counted.packets_sent if counted else 0,
            "ibytes": counted.bytes_recv if counted else 0, "obytes": counted.bytes_sent if counted else 0,
            "ierrors": counted.errin if counted else 0, "oerrors": counted.errout if counted else 0,
            "idrops": counted.dropin if counted else 0, "odrops": counted.dropout if counted else 0,
            "collisions": number(read(system / "statistics" / "collisions")) or 0, "last_change": -1,
            "pci_slot": "",
        }  # fmt: skip


@table("routes")
def routes(_: Sequence[Constraint]) -> Iterable[Row]:
    """The kernel's routes."""
    yield from _routes4()
    yield from _routes6()


def _routes4() -> Iterable[Row]:
    for line in list(lines(PROC / "route"))[1:]:
        words = line.split()
        interface, flags, metric, mtu = words[0], int(words[3], 16), int(words[6]), int(words[8])
        destination, gateway, mask = (_little_endian(words[position]) for position in (1, 2, 7))
        yield {
            "destination": destination, "netmask": ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen,
            "gateway": gateway if flags & GATEWAY else "", "source": "", "flags": flags,
            "interface": interface, "mtu": mtu, "metric": metric, "hopcount": 0,
            "type": _kind(flags, destination),
        }  # fmt: skip


def _little_endian(word: str) -> str:
    return socket.inet_ntoa(struct.pack("<I", int(word, 16)))


def _routes6() -> Iterable[Row]:
    for line in lines(PROC / "ipv6_route"):
        words = line.split()
        flags = int(words[8], 16)
        if not flags & UP:
            continue
        destination = str(ipaddress.IPv6Address(bytes.fromhex(words[0])))
        yield {
            "destination": destination, "netmask": int(words[1], 16),
            "gateway": str(ipaddress.IPv6Address(bytes.fromhex(words[4]))) if flags & GATEWAY else "",
            "source": "", "flags": flags, "interface": words[9], "mtu": 0,
            "metric": struct.unpack("!i", bytes.fromhex(words[5]))[0], "hopcount": 0,
            "type": _kind(flags, destination),
        }  # fmt: skip


def _kind(flags: int, destination: str) -> str:
    """osqueryd calls every route to somebody else gateway, whether or not there is one."""
    if flags & LOCAL:
        return "local"
    if flags & ANYCAST:
        return "anycast"
    return "other" if flags & REJECT or ipaddress.ip_address(destination).is_multicast else "gateway"


@table("arp_cache")
def arp_cache(_: Sequence[Constraint]) -> Iterable[Row]:
    """Neighbours on the link."""
    for line in list(lines(PROC / "arp"))[1:]:
        address, _type, flags, mac, _mask, interface = line.split()
        permanent = int(flags, 16) & PERMANENT
        yield {
            "address": address, "mac": mac, "interface": interface, "permanent": int(bool(permanent)),
        }  # fmt: skip


@table("dns_resolvers")
def dns_resolvers(_: Sequence[Constraint]) -> Iterable[Row]:
    """Nameservers and search domains."""
    kinds = {"nameserver": "nameserver", "search": "search", "domain": "search", "sortlist": "sort"}
    counted: dict[str, int] = {}
    for line in lines("/etc/resolv.conf"):
        words = line.split()
        kind = kinds.get(words[0], "")
        for address in words[1:] if kind else ():
            position = counted[kind] = counted.get(kind, -1) + 1
            yield {"id": position, "type": kind, "address": address, "netmask": "", "options": 0}


@table("etc_hosts")
def etc_hosts(_: Sequence[Constraint]) -> Iterable[Row]:
    """Names that need no nameserver."""
    for line in lines("/etc/hosts"):
        address, *names = line.partition("#")[0].split()
        if names:
            yield {"address": address, "hostnames": " ".join(names)}


@table("etc_services")
def etc_services(_: Sequence[Constraint]) -> Iterable[Row]:
    """Names of ports."""
    for line in lines("/etc/services"):
        entry, _hash, comment = line.partition("#")
        words = entry.split()
        if len(words) >= 2 and "/" in words[1]:
            port, _slash, protocol = words[1].partition("/")
            yield {
                "name": words[0], "port": number(port), "protocol": protocol,
                "aliases": " ".join(words[2:]), "comment": comment.strip(),
            }  # fmt: skip


@table("etc_protocols")
def etc_protocols(_: Sequence[Constraint]) -> Iterable[Row]:
    """Names of protocols."""
    for line in lines("/etc/protocols"):
        entry, _hash, comment = line.partition("#")
        words = entry.split()
        if len(words) >= 2:
            alias = " ".join(words[2:])
            yield {"name": words[0], "number": number(words[1]), "alias": alias, "comment": comment.strip()}
