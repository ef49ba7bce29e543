"""Moments, spans and sizes in the words of pages."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet import clock
from fleet.web.templating import ago, duration, iso, size


@pytest.mark.parametrize("moment", [None, clock.NEVER, clock.ZERO, datetime(2000, 1, 1, tzinfo=UTC)])
def test_a_moment_before_there_was_anything_is_never(moment: datetime | None) -> None:
    assert ago(moment) == "Never"


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=-2), "just now"),
        (timedelta(seconds=30), "3"),
        (timedelta(minutes=1, seconds=20), "1 minute ago"),
        (timedelta(minutes=3, seconds=20), "3 minutes ago"),
        (timedelta(hours=23, minutes=30), "23 hours ago"),
        (timedelta(days=2, hours=1), "2 days ago"),
        (timedelta(days=65), "2 months ago"),
        (timedelta(days=800), "2 years ago"),
        (timedelta(hours=-2, minutes=-30), "in 2 hours"),
    ],
)
def test_a_moment_is_told_in_its_largest_unit(passed: timedelta, text: str) -> None:
    assert ago(clock.now() - passed).startswith(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1 second"), (90, "90 seconds"), (60, "1 minute"), (3660, "61 minutes"), (21600, "6 hours"),
        (86400, "1 day"), (1209600, "2 weeks"), (timedelta(hours=1), "1 hour"), (0, "0 seconds"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_the_largest_unit_that_says_it_exactly(value: float | timedelta, text: str) -> None:
    assert duration(value) == text


def test_sizes_and_moments_are_written_one_way() -> None:
    assert size(9_040_000_000) == "9.0 GB"
    assert iso(datetime(2023, 9, 14, 10, 22, 7, 999, tzinfo=UTC)) == "2023-09-14T10:22:07Z"
