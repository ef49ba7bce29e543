"""Tables about accounts: users, groups, who is logged in, what they run and whom they trust."""

import contextlib
import grp
import pwd
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

from fleet.schema import Constraint

from .registry import Row, lines, read, table

SYSTEM_CRONTABS = ("/etc/crontab", "/etc/cron.d")
USER_CRONTABS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/at/tabs")
KEY_TYPES = ("ssh-", "ecdsa-", "sk-")


def _signed(number: int) -> int:
    """As the 32-bit number that macOS shows for nobody: -2."""
    return number - 2**32 if number >= 2**31 else number


@table("users")
def users(_: Sequence[Constraint]) -> Iterable[Row]:
    """Local accounts."""
    for user in pwd.getpwall():
        yield {
            "uid": user.pw_uid, "gid": user.pw_gid, "uid_signed": _signed(user.pw_uid),
            "gid_signed": _signed(user.pw_gid), "username": user.pw_name, "description": user.pw_gecos,
            "directory": user.pw_dir, "shell": user.pw_shell, "uuid": "", "type": "", "is_hidden": 0,
        }  # fmt: skip


@table("groups")
def groups(_: Sequence[Constraint]) -> Iterable[Row]:
    """Local groups."""
    for group in grp.getgrall():
        yield {"gid": group.gr_gid, "gid_signed": _signed(group.gr_gid), "groupname": group.gr_name}


@table("user_groups")
def user_groups(_: Sequence[Constraint]) -> Iterable[Row]:
    """Who is in which group, first the group that the account names itself."""
    uids = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    pairs = {(user.pw_uid, user.pw_gid): None for user in pwd.getpwall()}
    for group in grp.getgrall():
        pairs |= {(uids[name], group.gr_gid): None for name in group.gr_mem if name in uids}
    for uid, gid in pairs:
        yield {"uid": uid, "gid": gid}


@table("logged_in_users")
def logged_in_users(_: Sequence[Constraint]) -> Iterable[Row]:
    """Sessions that are open."""
    for user in psutil.users():
        yield {
            "type": "user", "user": user.name, "tty": user.terminal or "", "host": user.host or "",
            "time": int(user.started), "pid": user.pid,
        }  # fmt: skip


@table("authorized_keys")
def authorized_keys(_: Sequence[Constraint]) -> Iterable[Row]:
    """Keys that may log in over SSH."""
    for user in _with_home():
        for name in ("authorized_keys", "authorized_keys2"):
            path = Path(user.pw_dir, ".ssh", name)
            for line in lines(path):
                options, algorithm, key, comment = _key(line)
                yield {
                    "uid": user.pw_uid, "algorithm": algorithm, "key": key, "options": options,
                    "comment": comment, "key_file": str(path),
                }  # fmt: skip


def _key(line: str) -> tuple[str, str, str, str]:
    """Options, algorithm, key and comment; the options may hold blanks in quotes."""
    words = line.split(" ")
    for position, word in enumerate(words[:-1]):
        if word.startswith(KEY_TYPES):
            return " ".join(words[:position]), word, words[position + 1], " ".join(words[position + 2 :])
    return "", "", line, ""


@table("known_hosts")
def known_hosts(_: Sequence[Constraint]) -> Iterable[Row]:
    """Hosts whose SSH keys accounts have seen."""
    for user in _with_home():
        path = Path(user.pw_dir, ".ssh", "known_hosts")
        for line in lines(path):
            yield {"uid": user.pw_uid, "key": line, "key_file": str(path)}


def _with_home() -> Iterator[pwd.struct_passwd]:
    seen: set[str] = set()
    for user in pwd.getpwall():
        if user.pw_dir not in seen:
            seen.add(user.pw_dir)
            yield user


@table("crontab")
def crontab(_: Sequence[Constraint]) -> Iterable[Row]:
    """Jobs of the system's and the users' crontabs."""
    for path in _files((*SYSTEM_CRONTABS, *USER_CRONTABS)):
        for line in lines(path):
            if job := _job(line, path):
                yield job


def _files(places: Iterable[str]) -> Iterator[Path]:
    """Files, and those in folders; what only root may look into is left out."""
    for place in map(Path, places):
        with contextlib.suppress(PermissionError):
            if place.is_dir():
                yield from sorted(path for path in place.iterdir() if path.is_file())
            elif place.is_file():
                yield place


def _job(line: str, path: Path) -> Row | None:
    if line.startswith("@"):
        event, *rest = line.split(None, 1)
        return {"event": event.lstrip("@"), "command": "".join(rest), "path": str(path)}
    words = line.split(None, 5)
    if len(words) < 6 or "=" in words[0]:
        return None
    minute, hour, day, month, weekday, command = words
    return {
        "event": "", "minute": minute, "hour": hour, "day_of_month": day, "month": month,
        "day_of_week": weekday, "command": command, "path": str(path),
    }  # fmt: skip


@table("sudoers")
def sudoers(_: Sequence[Constraint]) -> Iterable[Row]:
    """Rules of sudo."""
    for path in _files(("/etc/sudoers", "/etc/sudoers.d")):
        for line in read(path).replace("\\\n", " ").splitlines():
            words = line.split(None, 1)
            if len(words) == 2 and not words[0].startswith("#"):
                yield {"source": str(path), "header": words[0], "rule_details": words[1].strip()}
