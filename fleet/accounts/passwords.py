"""Passwords: the rule they must meet, and how they are kept."""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fleet.errors import Problem

LEAST, MOST = 12, 1024
"""Bytes of a password in UTF-8."""

RULE = (
    "Password does not meet required criteria: Must include 12 characters, at least 1 number (e.g. 0 - 9), "
    "and at least 1 symbol (e.g. &*#)."
)
TOO_LONG = f"Password must not be longer than {MOST} bytes."

AT_ONCE = 3
"""Hashes that are worked out at the same time; each takes 19 MiB while it lasts."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turns = threading.BoundedSemaphore(AT_ONCE)
_nobody = _hasher.hash("the password of nobody")


def problem(password: str, name: str = "password") -> Problem | None:
    """What is wrong with a new password, if anything."""
    size = len(_bytes(password))
    if size > MOST:
        return Problem(name, TOO_LONG)
    kinds = {unicodedata.category(character)[0] for character in password}
    if size < LEAST or "N" not in kinds or not kinds & {"P", "S"}:
        return Problem(name, RULE)
    return None


def hashed(password: str) -> str:
    """The form in which a password is stored. Slow on purpose: hold no transaction meanwhile."""
    with _turns:
        return _hasher.hash(_bytes(password))


def verify(stored: str | None, password: str) -> bool:
    """Whether it is the password of this hash; takes as long when there is no hash. Hold no transaction meanwhile."""
    given = _bytes(password)
    usable = bool(stored and stored.startswith("$argon2"))
    with _turns:
        try:
            _hasher.verify(stored if stored and usable else _nobody, given[:MOST])
        except (VerificationError, InvalidHashError):
            return False
    return usable and len(given) <= MOST


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
