"""The tables file and hash: rows only for the paths that a query names."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fleet.schema import Constraint, Operator

from .registry import Row, table

FOUND_MAX = 20_000
DEPTH_MAX = 100
HASHED_BYTES_MAX = 50 * 1024 * 1024  # osquery's --read_max
TYPES = {
    stat.S_IFREG: "regular", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFBLK: "block",
    stat.S_IFCHR: "character", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
}  # fmt: skip
BUFFER = 1024 * 1024


@table("file", constrained=True)
def file(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """What the file system says of files."""
    for path in named(constraints):
        try:
            found = os.lstat(path)
        except (OSError, ValueError):
            continue
        yield _file_row(path, found)


def _file_row(path: str, found: os.stat_result) -> Row:
    link = stat.S_ISLNK(found.st_mode)
    target = _target(path) if link else ""
    return {
        "path": path, "directory": os.path.dirname(path.rstrip("/")) or "/", "filename": os.path.basename(path),
        "inode": found.st_ino, "uid": found.st_uid, "gid": found.st_gid,
        "mode": f"{stat.S_IMODE(found.st_mode):04o}", "device": found.st_rdev, "size": found.st_size,
        "block_size": getattr(found, "st_blksize", 0), "atime": int(found.st_atime),
        "mtime": int(found.st_mtime), "ctime": int(found.st_ctime),
        "btime": int(getattr(found, "st_birthtime", 0)), "hard_links": found.st_nlink, "symlink": int(link),
        "type": TYPES.get(stat.S_IFMT(found.st_mode), "unknown"), "symlink_target_path": target,
    }  # fmt: skip


def _target(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:
        return ""  # links below /proc are readable for some only


@table("hash", constrained=True)
def digests(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """The digests of regular files."""
    for path in named(constraints):
        try:
            found = os.stat(path)
            if not stat.S_ISREG(found.st_mode) or found.st_size > HASHED_BYTES_MAX:
                continue
            md5, sha1, sha256 = _digest(path)
        except (OSError, ValueError):
            continue
        directory = os.path.dirname(path) or "/"
        yield {"path": path, "directory": directory, "md5": md5, "sha1": sha1, "sha256": sha256}


def _digest(path: str) -> tuple[str, ...]:
    """Of at most so many bytes: below /proc are files without an end, and some that wait for something to say."""
    hashes = [hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")]
    left = HASHED_BYTES_MAX
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as content:
        while part := content.read(BUFFER):
            left -= len(part)
            if left < 0:
                raise ValueError("too large")
            for digest in hashes:
                digest.update(part)
    if part is None:
        raise ValueError("nothing to be read now")
    return tuple(digest.hexdigest() for digest in hashes)


def named(constraints: Sequence[Constraint]) -> Iterator[str]:
    """The paths that constraints on path and directory name, without repeats, up to a limit."""
    seen: set[str] = set()
    for constraint in constraints:
        for path in _paths(constraint):
            if path not in seen:
                seen.add(path)
                yield path
            if len(seen) >= FOUND_MAX:
                return


def _paths(constraint: Constraint) -> Iterator[str]:
    equal = constraint.operator is Operator.EQUALS
    if constraint.column == "path":
        yield from [constraint.value] if equal else matching(constraint.value, constraint.operator)
    elif constraint.column == "directory":
        folders = [constraint.value] if equal else matching(constraint.value, constraint.operator)
        for folder in folders:
            yield from _children(folder)


def _children(folder: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return
    for name in names:
        yield os.path.join(folder, name)


def matching(pattern: str, operator: Operator) -> Iterator[str]:
    """Existing paths that match: % and * stay in one folder, a trailing %% goes all the way down."""
    if not pattern.startswith("/"):
        return
    wild = "%" if operator is Operator.LIKE else "*"
    recursive = pattern.endswith(wild * 2)
    parts = [part for part in pattern.rstrip(wild).split("/") if part] if recursive else pattern.split("/")[1:]
    if recursive:
        for root in _expand("/", parts, wild):
            for folder, folders, names in os.walk(root):
                yield from (os.path.join(folder, name) for name in sorted(folders + names))
        return
    yield from _expand("/", parts, wild)


def _expand(folder: str, parts: Sequence[str], wild: str) -> Iterator[str]:
    if not parts:
        yield folder
        return
    if len(parts) > DEPTH_MAX:
        return
    first, *rest = parts
    if wild not in first and "_" not in first and "?" not in first:
        path = os.path.join(folder, first)
        if os.path.lexists(path):
            yield from _expand(path, rest, wild)
        return
    fits = _pattern(first, wild)
    for path in _children(folder):
        if fits.fullmatch(Path(path).name):
            yield from _expand(path, rest, wild)


def _pattern(part: str, wild: str) -> re.Pattern[str]:
    single, flags = ("_", re.IGNORECASE) if wild == "%" else ("?", re.NOFLAG)
    first, *others = ("".join("." if c == single else re.escape(c) for c in piece) for piece in part.split(wild))
    if not others:
        return re.compile(first, flags)
    # Each piece is taken where it comes first and not looked for again, so that many wildcards take no longer.
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + f".*{others[-1]}", flags | re.S)
