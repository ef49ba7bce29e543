"""How often somebody may try."""

import pytest
from limits import parse

from fleet.errors import TooManyRequests
from fleet.web.limits import Limits
from tests.ports import redis_server

TWICE = parse("2 per minute")


def test_who_tried_too_often_is_told_when_to_try_again() -> None:
    limits = Limits()
    for _ in range(2):
        limits.count(TWICE, "ada")
    with pytest.raises(TooManyRequests) as refused:
        limits.check(TWICE, "ada")
    seconds = int(refused.value.headers["Retry-After"])
    assert 30 < seconds <= 61 and refused.value.message == f"limit exceeded, retry after: {seconds}s"
    limits.check(TWICE, "grace")


def test_attempts_at_several_processes_are_counted_together() -> None:
    with redis_server() as redis:
        one, other = (Limits(f"redis://{redis.host}:{redis.port}") for _ in range(2))
        one.count(TWICE, "ada")
        other.count(TWICE, "ada")
        for limits in (one, other):
            with pytest.raises(TooManyRequests):
                limits.check(TWICE, "ada")


def test_servers_that_share_a_redis_count_each_for_itself() -> None:
    with redis_server() as redis:
        one, other = (Limits(f"redis://{redis.host}:{redis.port}", name) for name in ("one", "other"))
        for _ in range(2):
            one.count(TWICE, "ada")
        with pytest.raises(TooManyRequests):
            one.check(TWICE, "ada")
        other.check(TWICE, "ada")


def test_while_redis_is_away_each_process_counts_for_itself() -> None:
    server = redis_server()
    server.start()
    limits = Limits(f"redis://{server.host}:{server.port}")
    limits.count(TWICE, "ada")
    server.stop()
    for _ in range(2):
        limits.count(TWICE, "ada")
    for attempt in (limits.count, limits.check):
        with pytest.raises(TooManyRequests):
            attempt(TWICE, "ada")
