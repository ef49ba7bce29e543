"""Messages of many threads in one round trip: each gets its own answer."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from fleet.backplane.sending import AT_ONCE, Sender


class Wire:
    """Answers each message with its double; the first time only once it is let go, so that more have to wait."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.sizes: list[int] = []

    def send(self, messages: Sequence[int]) -> list[int]:
        self.sizes.append(len(messages))
        self.go.wait(10)
        if -1 in messages:
            raise ConnectionError("cut")
        return [2 * message for message in messages]


def test_each_gets_its_own_answer_however_many_wait() -> None:
    wire = Wire()
    sender = Sender(wire.send, (ConnectionError,))
    with ThreadPoolExecutor(301) as pool:
        first = pool.submit(sender.put, 1000, 20)
        while not wire.sizes:
            time.sleep(0.001)
        answers = [pool.submit(sender.put, number, 20) for number in range(300)]
        while sender._waiting.qsize() < 300:
            time.sleep(0.001)
        wire.go.set()
        assert first.result() == 2000
        assert [answer.result() for answer in answers] == [2 * number for number in range(300)]
    assert wire.sizes == [1, AT_ONCE, 300 - AT_ONCE]
    sender.close()


def test_an_error_reaches_who_waits_and_the_next_one_is_sent() -> None:
    wire = Wire()
    wire.go.set()
    sender = Sender(wire.send, (ConnectionError,))
    with pytest.raises(ConnectionError):
        sender.put(-1, 10)
    assert sender.put(1, 10) == 2
    sender.close()
