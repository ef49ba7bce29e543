"""The tables file and hash: rows only for the paths that a query names."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fleet.schema import Constraint, Failed, Operator

from .registry import READ_MAX, Row, table, without_waiting

LOOKED_AT_MAX = 200_000
DEPTH_MAX = 100
TYPES = {
    stat.S_IFREG: "regular", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFBLK: "block",
    stat.S_IFCHR: "character", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
}  # fmt: skip
BUFFER = 1024 * 1024
CHARACTER_CLASS = re.compile(r"\[\^?\]?[^\]/]*\]")


@table("file", constrained=True)
def file(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """What the file system says of files."""
    for path, directory in named(constraints):
        try:
            found = os.lstat(path)
        except (OSError, ValueError):
            continue
        yield _file_row(path, directory, found)


def _file_row(path: str, directory: str, itself: os.stat_result) -> Row:
    """Of a link that leads somewhere, osqueryd tells of what it leads to."""
    link = stat.S_ISLNK(itself.st_mode)
    found = _followed(path, itself) if link else itself
    target = _target(path) if link else ""
    return {
        "path": path, "directory": directory, "filename": os.path.basename(path),
        "inode": found.st_ino, "uid": found.st_uid, "gid": found.st_gid,
        "mode": f"{stat.S_IMODE(found.st_mode):04o}", "device": found.st_rdev, "size": found.st_size,
        "block_size": getattr(found, "st_blksize", 0), "atime": int(found.st_atime),
        "mtime": int(found.st_mtime), "ctime": int(found.st_ctime),
        "btime": int(getattr(found, "st_birthtime", 0)), "hard_links": found.st_nlink, "symlink": int(link),
        "type": TYPES.get(stat.S_IFMT(found.st_mode), "unknown"), "symlink_target_path": target,
    }  # fmt: skip


def _followed(path: str, itself: os.stat_result) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError:
        return itself


def _target(path: str) -> str:
    try:
        return os.path.realpath(path)
    except OSError:
        return ""  # links below /proc are readable for some only


@table("hash", constrained=True)
def digests(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """The digests of regular files."""
    for path, directory in named(constraints):
        try:
            found = os.stat(path)
            if not stat.S_ISREG(found.st_mode) or found.st_size > READ_MAX:
                continue
            md5, sha1, sha256 = _digest(path)
        except (OSError, ValueError):
            continue
        yield {"path": path, "directory": directory, "md5": md5, "sha1": sha1, "sha256": sha256}


def _digest(path: str) -> tuple[str, ...]:
    """Of at most so many bytes: below /proc are files without an end, and some that wait for something to say."""
    hashes = [hashlib.new(name, usedforsecurity=False) for name in ("md5", "sha1", "sha256")]
    left = READ_MAX
    with open(path, "rb", buffering=0, opener=without_waiting) as content:
        while part := content.read(BUFFER):
            left -= len(part)
            if left < 0:
                raise ValueError("too large")
            for digest in hashes:
                digest.update(part)
    if part is None:
        raise ValueError("nothing to be read now")
    return tuple(digest.hexdigest() for digest in hashes)


def named(constraints: Sequence[Constraint]) -> Iterator[tuple[str, str]]:
    """The paths that constraints on path and directory name, each with its directory, without repeats."""
    seen: set[tuple[str, str]] = set()
    search = Search()
    for constraint in constraints:
        for found in _paths(constraint, search):
            if found not in seen:
                seen.add(found)
                yield found


def _paths(constraint: Constraint, search: "Search") -> Iterator[tuple[str, str]]:
    equal = constraint.operator is Operator.EQUALS
    values = [constraint.value] if equal else search.matching(constraint.value, constraint.operator)
    if constraint.column == "path":
        for path in values:
            yield path, os.path.dirname(path.rstrip("/")) or "/"
    elif constraint.column == "directory":
        for folder in values:  # as the query writes it, also with a slash at its end
            for path in search.children(folder):
                yield path, folder


class Search:
    """Looks for the paths of one query, and gives up after so many: no answer is better than a part of it."""

    def __init__(self) -> None:
        self._left = LOOKED_AT_MAX

    def _look(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise Failed(f"more than {LOOKED_AT_MAX} files would have to be looked at")

    def children(self, folder: str) -> Iterator[str]:
        """What is in a folder; nothing if it cannot be read."""
        try:
            names = sorted(os.listdir(folder))
        except (OSError, ValueError):
            names = []
        self._look(len(names) + 1)
        for name in names:
            yield os.path.join(folder, name)

    def matching(self, pattern: str, operator: Operator) -> Iterator[str]:
        """Existing paths that match: % and * stay in one folder, a trailing %% goes all the way down."""
        if not pattern.startswith("/"):
            return
        wild = "%" if operator is Operator.LIKE else "*"
        if operator is Operator.GLOB:
            pattern = CHARACTER_CLASS.sub("?", pattern)  # finds more, of which SQLite takes what fits
        recursive = pattern.endswith(wild * 2)
        parts = [part for part in pattern.rstrip(wild).split("/") if part] if recursive else pattern.split("/")[1:]
        found = self._expand("/", parts, wild)
        if not recursive:
            yield from found
            return
        for root in found:
            for folder, folders, names in os.walk(root):
                self._look(len(folders) + len(names))
                yield from (os.path.join(folder, name) for name in sorted(folders + names))

    def _expand(self, folder: str, parts: Sequence[str], wild: str) -> Iterator[str]:
        if not parts:
            yield folder
            return
        if len(parts) > DEPTH_MAX:
            return
        first, *rest = parts
        if wild not in first and "_" not in first and "?" not in first:
            path = os.path.join(folder, first)
            if os.path.lexists(path):
                yield from self._expand(path, rest, wild)
            return
        fits = _pattern(first, wild)
        for path in self.children(folder):
            if fits.fullmatch(Path(path).name):
                yield from self._expand(path, rest, wild)


def _pattern(part: str, wild: str) -> re.Pattern[str]:
    single, flags = ("_", re.IGNORECASE | re.DOTALL) if wild == "%" else ("?", re.DOTALL)
    first, *others = ("".join("." if c == single else re.escape(c) for c in piece) for piece in part.split(wild))
    if not others:
        return re.compile(first, flags)
    # Each piece is taken where it comes first and not looked for again, so that many wildcards take no longer.
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in others[:-1]) + f".*{others[-1]}", flags)
