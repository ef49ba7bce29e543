"""What every shape, and every number that comes as text, has in common."""

import pytest

from fleet.shapes import MAX_ID, digits


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1_0", "1.0", "\u0661", "\u00b2", "x", str(MAX_ID + 1), "9" * 5000]
)
def test_what_is_no_number_that_a_database_holds_is_none(text: str) -> None:
    assert digits(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), (str(MAX_ID), MAX_ID)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert digits(text) == number


def test_a_number_beyond_its_bound_is_none() -> None:
    assert (digits("100", 100), digits("101", 100)) == (100, None)
