"""The SQL functions that osquery adds to SQLite."""

import base64
import hashlib
import ipaddress
import math
import re
import struct
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import zip_longest

import apsw
import re2

from .errors import Failed

Value = str | int | float | bytes | None

PATTERN_MAX = 256  # osquery's --regex_max_size
REGEX_OPTIONS = re2.Options()
REGEX_OPTIONS.log_errors = False

COLLATIONS = (("version", ""), ("version_arch", "ARCH"), ("version_dpkg", "DPKG"), ("version_rhel", "RHEL"))
PIECE = re.compile(r"\d+|[A-Za-z]+|~")


def register(connection: apsw.Connection) -> None:
    """Give a connection osquery's functions and collations."""
    for name, function, arity in FUNCTIONS:
        connection.create_scalar_function(name, function, arity, deterministic=True)
    for name, flavor in COLLATIONS:
        connection.create_collation(name, partial(compare_versions, flavor=flavor))


def text(value: Value) -> str:
    """A value as SQLite prints it; NULL is the empty string, as in every result of osquery."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        return _real(value)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _real(value: float) -> str:
    if not math.isfinite(value):
        return "Inf" if value > 0 else "-Inf"
    shown = format(value, ".15g")
    return shown if "." in shown or "e" in shown else shown + ".0"


def split(subject: Value, separators: Value, index: Value) -> Value:
    """The index-th non-empty piece between any of the separating characters."""
    if subject is None or separators is None or index is None:
        return None
    if not text(separators):
        raise Failed("Invalid input to split function")
    pieces = re.split(f"[{re.escape(text(separators))}]", text(subject))
    return _at([piece.strip() for piece in pieces if piece], index)


def regex_split(subject: Value, pattern: Value, index: Value) -> Value:
    """The index-th piece between matches of the pattern."""
    if subject is None or pattern is None or index is None:
        return None
    if not text(pattern):
        raise Failed("Invalid input to split function")
    subject, pieces, position = text(subject), [], 0
    for match in _regex(text(pattern)).finditer(subject):
        pieces.append(subject[position : match.start()])
        position = match.end()
    return _at([piece for piece in [*pieces, subject[position:]] if piece], index)


def regex_match(subject: Value, pattern: Value, index: Value) -> Value:
    """The index-th group of the first match, 0 being the whole match; NULL without a match."""
    if subject is None or pattern is None or index is None:
        return None
    match = _regex(text(pattern)).search(text(subject))
    return None if match is None else _at([group or "" for group in (match.group(), *match.groups())], index)


def _at(pieces: list[str], index: Value) -> str | None:
    try:
        position = int(text(index) or 0)
    except ValueError:
        position = 0
    return pieces[position] if 0 <= position < len(pieces) else None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> "re2._Regexp":
    """By RE2, whose matching takes as long as its subject whatever the pattern is; so it has neither lookarounds nor
    backreferences."""
    if len(pattern.encode()) > PATTERN_MAX:
        raise Failed(f"Invalid regex: too big, max size is {PATTERN_MAX} bytes")
    try:
        return re2.compile(pattern, REGEX_OPTIONS)
    except re2.error as error:
        raise Failed(f"Invalid regex: {error.args[0].decode()}") from error


def inet_aton(address: Value) -> Value:
    """An IPv4 address as a number; NULL for anything else."""
    try:
        return int(ipaddress.IPv4Address(text(address)))
    except ValueError:
        return None


def in_cidr_block(block: Value, address: Value) -> Value:
    """1 if the address is in the network."""
    if block is None or address is None:
        return None
    try:
        found = ipaddress.ip_address(text(address))
    except ValueError as error:
        raise Failed("Invalid IP address") from error
    try:
        network = ipaddress.ip_network(text(block), strict=False)
    except ValueError as error:
        raise Failed(f"CIDR for IP address v{found.version} cannot be parsed") from error
    return int(found in network)


def _digest(name: str) -> Callable[[Value], Value]:
    def digest(value: Value) -> Value:
        if value is None:
            return None
        data = value if isinstance(value, bytes) else text(value).encode()
        return hashlib.new(name, data, usedforsecurity=False).hexdigest()

    return digest


def to_base64(value: Value) -> Value:
    """The bytes of a text in base64."""
    if value is None:
        return None
    data = value if isinstance(value, bytes) else text(value).encode()
    return base64.b64encode(data).decode()


def from_base64(value: Value) -> Value:
    """The text that was encoded; NULL when it is not base64."""
    try:
        return base64.b64decode(text(value), validate=True).decode("utf-8", "replace") if value else None
    except ValueError:
        return None


def conditional_to_base64(value: Value) -> Value:
    """The text in base64 if it holds anything but ASCII, else as it is."""
    return value if value is None or text(value).isascii() else to_base64(value)


def compare_versions(left: str, right: str, flavor: str = "") -> int:
    """-1, 0 or 1. DPKG and RHEL put ~ before the end of a version; all flavors know epochs."""
    if flavor:
        left_epoch, left = _epoch(left)
        right_epoch, right = _epoch(right)
        if left_epoch != right_epoch:
            return -1 if left_epoch < right_epoch else 1
    for one, other in zip_longest(PIECE.findall(left), PIECE.findall(right)):
        here, there = _rank(one, flavor), _rank(other, flavor)
        if here != there:
            return -1 if here < there else 1
    return 0


def _epoch(version: str) -> tuple[int, str]:
    epoch, colon, rest = version.partition(":")
    return (int(epoch), rest) if colon and epoch.isdecimal() else (0, version)


def _rank(piece: str | None, flavor: str) -> tuple[int, int, str]:
    if piece == "~":
        return (-1 if flavor in ("DPKG", "RHEL") else 1, 0, "")
    if piece is None:
        return (0, 0, "")
    return (2, int(piece[:300]), "") if piece.isdecimal() else (1, 0, piece)


def version_compare(*arguments: Value) -> Value:
    """version_compare(left, right[, flavor]): -1, 0 or 1."""
    if len(arguments) not in (2, 3) or any(argument is None for argument in arguments):
        return None
    flavor = text(arguments[2]).upper() if len(arguments) == 3 else ""
    return compare_versions(text(arguments[0]), text(arguments[1]), flavor)


# ICMP and ICMPv6 have no ports: the type stands for one, the type of its answer for the other.
ICMP_ANSWERS = {0: 8, 8: 0, 9: 10, 10: 9, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}
ICMP6_ANSWERS = {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135, 139: 140,
                 140: 139, 144: 145, 145: 144}  # fmt: skip
ANSWERS = {1: ICMP_ANSWERS, 58: ICMP6_ANSWERS}


def community_id_v1(*arguments: Value) -> Value:
    """Community ID of a flow: (source, destination, source port, destination port, protocol[, seed])."""
    if len(arguments) not in (5, 6) or any(argument is None for argument in arguments):
        return None
    try:
        source, destination = (ipaddress.ip_address(text(address)) for address in arguments[:2])
        if source.version != destination.version:
            return None
        numbers = [int(text(number)) for number in (*arguments[2:], 0)]
        sport, dport, protocol, seed = numbers[:4]
        one_way = False
        if protocol in ANSWERS:
            one_way = sport not in ANSWERS[protocol]
            dport = ANSWERS[protocol].get(sport, dport)
        here, there = (source.packed, sport), (destination.packed, dport)
        if not one_way and there < here:
            here, there = there, here
        data = struct.pack("!H", seed) + here[0] + there[0] + struct.pack("!BBHH", protocol, 0, here[1], there[1])
    except (ValueError, struct.error):
        return None
    return "1:" + base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _math(function: Callable[[float], float]) -> Callable[[Value], Value]:
    def calculate(value: Value) -> Value:
        try:
            return None if value is None else function(float(text(value)))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return calculate


# SQLite brings ceil, floor, sqrt, power, pi, sin, concat and their like. Its log() is decimal where
# osquery's is natural, and it has no cot().
FUNCTIONS: list[tuple[str, Callable[..., Value], int]] = [
    ("split", split, 3),
    ("regex_split", regex_split, 3),
    ("regex_match", regex_match, 3),
    ("inet_aton", inet_aton, 1),
    ("in_cidr_block", in_cidr_block, 2),
    ("md5", _digest("md5"), 1),
    ("sha1", _digest("sha1"), 1),
    ("sha256", _digest("sha256"), 1),
    ("to_base64", to_base64, 1),
    ("from_base64", from_base64, 1),
    ("conditional_to_base64", conditional_to_base64, 1),
    ("version_compare", version_compare, -1),
    ("community_id_v1", community_id_v1, -1),
    ("log", _math(math.log), 1),
    ("cot", _math(lambda angle: 1 / math.tan(angle)), 1),
]
