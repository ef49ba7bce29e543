"""The rule of passwords, and what is compared."""

import pytest

from fleet.accounts import passwords

LONG = "1!" * 512


@pytest.mark.parametrize(
    "password", ["long-enough1", "1!äääää", "12345678901!", "tttttttttt²€", "1 of a phrase, and a sign", LONG]
)
def test_twelve_bytes_with_a_number_and_a_symbol_will_do(password: str) -> None:
    assert passwords.problem(password) is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", passwords.RULE),
        ("not-enough1", passwords.RULE),
        ("no number at all!", passwords.RULE),
        ("nosymbolatall1", passwords.RULE),
        ("a space is no symbol 1", passwords.RULE),
        (LONG + "x", passwords.TOO_LONG),
    ],
)
def test_what_will_not_do_is_told_at_its_field(password: str, reason: str) -> None:
    found = passwords.problem(password, "new_password")
    assert found is not None and (found.name, found.reason) == ("new_password", reason)


def test_only_the_whole_password_is_the_password() -> None:
    stored = passwords.hashed(LONG)
    assert passwords.verify(stored, LONG)
    for other in (LONG + "x", LONG[:-1], LONG.replace("1", "2"), ""):
        assert not passwords.verify(stored, other)


@pytest.mark.parametrize("stored", [None, "", "!", "$argon2id$nonsense", "$2b$12$" + "x" * 53])
def test_what_is_no_hash_is_nobodys(stored: str | None) -> None:
    assert not passwords.verify(stored, "the password of nobody")
