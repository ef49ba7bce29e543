"""A frequency in words."""

import pytest

from fleet.queries.forms import every


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "Never"),
        (1, "Every second"),
        (59, "Every 59 seconds"),
        (60, "Every minute"),
        (300, "Every 5 minutes"),
        (5400, "Every 90 minutes"),
        (3600, "Every hour"),
        (7200, "Every 2 hours"),
        (86400, "Every day"),
        (172_800, "Every 2 days"),
        (604_800, "Every week"),
        (100_001, "Every 100,001 seconds"),
    ],
)
def test_a_frequency_is_said_in_the_longest_unit_that_fits(seconds: int, words: str) -> None:
    assert every(seconds) == words
