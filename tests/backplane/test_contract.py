"""What both carriers of live queries promise."""

import threading
import time

from fleet.backplane import Live, Result


def result(campaign_id: int, host_id: int, **fields: object) -> Result:
    return Result(campaign_id, host_id, f"host-{host_id}", f"Host {host_id}", **fields)  # type: ignore[arg-type]


def test_only_the_asked_hosts_are_due(live: Live) -> None:
    live.start(7, "SELECT 1", [1, 2])
    assert live.due(1) == {7: "SELECT 1"}
    assert live.due(2) == {7: "SELECT 1"}
    assert live.due(3) == {}


def test_a_host_may_owe_answers_to_several_campaigns(live: Live) -> None:
    live.start(7, "SELECT 1", [1])
    live.start(8, "SELECT 2", [1, 2])
    assert live.due(1) == {7: "SELECT 1", 8: "SELECT 2"}
    live.stop(7)
    assert live.due(1) == {8: "SELECT 2"}


def test_without_a_reader_a_result_is_not_taken_and_the_host_is_asked_again(live: Live) -> None:
    live.start(7, "SELECT 1", [1])
    assert live.publish(result(7, 1)) is False
    assert live.due(1) == {7: "SELECT 1"}


def test_a_taken_result_arrives_as_it_was_and_ends_the_asking(live: Live) -> None:
    live.start(7, "SELECT 1", [1, 2])
    reader = live.read(7)
    sent = result(7, 1, rows=[{"a": "1", "b": "<é\u2028>"}, {}], error="no such table: x")
    assert live.publish(sent) is True
    assert reader.next(10) == sent
    assert live.due(1) == {}
    assert live.due(2) == {7: "SELECT 1"}
    reader.close()


def test_every_reader_of_a_campaign_gets_every_result(live: Live) -> None:
    live.start(7, "SELECT 1", [1])
    readers = [live.read(7), live.read(7)]
    assert live.publish(result(7, 1))
    assert [reader.next(10) for reader in readers] == [result(7, 1)] * 2


def test_a_reader_hears_nothing_of_other_campaigns(live: Live) -> None:
    live.start(7, "SELECT 1", [1])
    live.start(8, "SELECT 1", [1])
    reader = live.read(8)
    assert live.publish(result(7, 1)) is False
    assert reader.next(0.05) is None


def test_a_reader_that_has_left_takes_nothing(live: Live) -> None:
    live.start(7, "SELECT 1", [1])
    stays, leaves = live.read(7), live.read(7)
    leaves.close()
    assert live.publish(result(7, 1)) is True
    assert stays.next(10) is not None
    stays.close()
    stays.close()
    assert live.publish(result(7, 1)) is False


def test_late_results_of_a_stopped_campaign_still_reach_its_reader(live: Live) -> None:
    live.start(7, "SELECT 1", [1])
    reader = live.read(7)
    live.stop(7)
    assert live.publish(result(7, 1)) is True
    assert reader.next(10) == result(7, 1)
    assert live.due(1) == {}


def test_next_waits_no_longer_than_asked(live: Live) -> None:
    reader = live.read(7)
    began = time.monotonic()
    assert reader.next(0.1) is None
    assert reader.next(0) is None
    assert 0.09 < time.monotonic() - began < 5


def test_starting_again_replaces_what_was_asked(live: Live) -> None:
    live.start(7, "SELECT 1", [1, 2])
    live.start(7, "SELECT 2", [2])
    assert live.due(1) == {}
    assert live.due(2) == {7: "SELECT 2"}


def test_stopping_what_does_not_run_does_nothing(live: Live) -> None:
    live.stop(99)
    live.start(7, "SELECT 1", [])
    live.stop(7)
    assert live.due(1) == {}


def test_ten_thousand_hosts_start_and_stop_in_no_time_to_speak_of(live: Live) -> None:
    hosts = range(1, 10_001)
    live.start(1, "SELECT 0", hosts)
    began = time.monotonic()
    live.start(2, "SELECT 1", hosts)
    live.stop(2)
    assert time.monotonic() - began < 5
    assert live.due(5000) == {1: "SELECT 0"}


def test_answers_from_many_threads_are_each_taken_once(live: Live) -> None:
    live.start(7, "SELECT 1", range(400))
    reader = live.read(7)

    def answer(hosts: range) -> None:
        for host_id in hosts:
            assert live.publish(result(7, host_id))

    threads = [threading.Thread(target=answer, args=(range(start, 400, 8),)) for start in range(8)]
    for thread in threads:
        thread.start()
    heard = [reader.next(10) for _ in range(400)]
    for thread in threads:
        thread.join()
    assert {one.host_id for one in heard if one} == set(range(400))
    assert reader.next(0.05) is None
    assert all(live.due(host_id) == {} for host_id in range(400))


def test_a_reader_too_far_behind_leaves_the_host_to_be_asked_again(live: Live) -> None:
    live.start(7, "SELECT 1", [1, 2])
    reader = live.read(7)
    big = result(7, 1, rows=[{}] * 500_000)
    assert live.publish(big) is True
    deadline = time.monotonic() + 20
    live.publish(result(7, 2))
    while 7 not in live.due(2):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert reader.next(10) == big
    assert live.publish(result(7, 2)) is True
    assert reader.next(10) == result(7, 2)


def test_it_answers_a_ping(live: Live) -> None:
    live.ping()
