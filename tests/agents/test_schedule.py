"""When a host is asked again, and how the moments of many are spread."""

from collections import Counter
from datetime import timedelta

import pytest

from fleet.agents.osquery.schedule import Jitter, Schedule

HOUR = timedelta(hours=1)


def minutes(jitter: Jitter, *host_ids: int) -> list[float]:
    return [jitter.seconds(host_id) / 60 for host_id in host_ids]


def test_a_host_gets_the_minute_of_its_id_or_the_next_that_is_free() -> None:
    jitter = Jitter(HOUR, 10)
    assert minutes(jitter, 4, 10, 16, 22, 28, 34) == [4, 5, 0, 1, 2, 3]
    assert minutes(jitter, 16, 10, 4) == [0, 5, 4], "it keeps it"


def test_no_minute_gets_a_second_host_before_every_one_has_its_first() -> None:
    jitter = Jitter(HOUR, 10)
    for rounds in range(1, 5):
        for number in range(6):
            jitter.seconds(6 * (6 * rounds + number))  # all of them prefer minute 0
        assert Counter(jitter.seconds(6 * number) for number in range(6, 6 + 6 * rounds)) == {
            minute * 60.0: rounds for minute in range(6)
        }


@pytest.mark.parametrize(
    ("interval", "percent", "most"),
    [(HOUR, 10, 5), (HOUR, 50, 29), (HOUR, 0, 0), (HOUR, 3, 0), (timedelta(minutes=19), 10, 0), (2 * HOUR, 2, 1)],
)
def test_there_are_as_many_minutes_as_the_part_of_the_interval(interval: timedelta, percent: int, most: int) -> None:
    jitter = Jitter(interval, percent)
    assert max(minutes(jitter, *range(200))) == most


def test_a_family_is_due_after_its_interval_and_the_jitter_of_the_host() -> None:
    schedule = Schedule(detail=HOUR, label=2 * HOUR, percent=10)
    assert schedule.detail_due(3, 1000.0) == 1000 + 3600 + 3 * 60
    assert schedule.label_due(11, 1000.0) == 1000 + 7200 + 11 * 60


def test_families_of_one_interval_come_together() -> None:
    schedule = Schedule(detail=HOUR, label=HOUR, percent=10)
    schedule.detail_due(9, 0)
    assert schedule.label_due(3, 0) == 3600 + 4 * 60
    assert schedule.detail_due(3, 0) == schedule.label_due(3, 0)
