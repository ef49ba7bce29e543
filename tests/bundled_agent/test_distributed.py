"""Distributed queries: what a response asks for, and what is answered."""

import pytest

from fleet.bundled_agent import distributed
from fleet.bundled_agent.distributed import BadWork, Denylist, Work
from fleet.schema import Result, TimedOut


class Endless:
    """Runs nothing to its end, and counts."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, sql: str) -> Result:
        self.runs += 1
        raise TimedOut("query took longer than 30 s")


@pytest.mark.parametrize(("seconds", "message", "runs"), [(60, "denylisted", 1), (0, "took longer", 2)])
def test_a_query_that_takes_too_long_is_denylisted_for_a_while(seconds: float, message: str, runs: int) -> None:
    run, denylist = Endless(), Denylist()
    distributed.answer(Work({"a": "SELECT 1"}), run, denylist, seconds)
    answers = distributed.answer(Work({"b": "SELECT 1"}), run, denylist, seconds)
    assert answers.statuses == {"b": 1}
    assert message in answers.messages["b"]
    assert run.runs == runs


def test_what_failed_at_once_may_be_asked_again() -> None:
    denylist = Denylist()
    denylist.add("SELECT 1", 60)
    answers = distributed.answer(Work({"a": "SELECT 2"}), lambda sql: Result([{"it": sql}]), denylist, 60)
    assert answers.queries == {"a": [{"it": "SELECT 2"}]}


def test_a_discovery_that_many_queries_share_is_run_once() -> None:
    asked: list[str] = []

    def run(sql: str) -> Result:
        asked.append(sql)
        return Result([{"1": "1"}])

    work = Work({"a": "A", "b": "B", "c": "C"}, {"a": "D", "b": "D"})
    assert list(distributed.answer(work, run, Denylist(), 60).queries) == ["a", "b", "c"]
    assert asked == ["D", "A", "B", "C"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
def test_a_response_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadWork):
        distributed.read(body)


@pytest.mark.parametrize(
    ("body", "work"),
    [
        (b"{}", Work()),
        (b'{"queries": null, "discovery": 7, "accelerate": true}', Work()),
        (b'{"queries": {"a": "SELECT 1", "b": 7, "c": ""}}', Work({"a": "SELECT 1"})),
        (b'{"queries": {}, "accelerate": 10}', Work(accelerate=10)),
    ],
)
def test_parts_of_the_wrong_type_are_left_out(body: bytes, work: Work) -> None:
    assert distributed.read(body) == work
