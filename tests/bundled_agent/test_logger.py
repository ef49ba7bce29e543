"""Log lines are kept until the server has them."""

import json

from fleet.bundled_agent import logger as log
from fleet.bundled_agent.logger import Logger


def test_lines_stay_until_acknowledged() -> None:
    logger = Logger()
    for line in (b'{"a":1}', b'{"a":2}', b'{"a":3}'):
        logger.add("result", line)
    first = logger.batch("result", 2)
    assert first is not None
    again = logger.batch("result", 2)
    assert again == first
    logger.acknowledge(first)
    rest = logger.batch("result", 2)
    assert rest is not None
    assert rest.lines == (b'{"a":3}',)


def test_a_batch_is_the_request_with_the_lines_untouched() -> None:
    logger = Logger()
    logger.add("status", b'{"message":"\\u00e9  x"}')
    batch = logger.batch("status", 10)
    assert batch is not None
    body = batch.body(b'"k"')
    assert json.loads(body) == {"node_key": "k", "log_type": "status", "data": [{"message": "é  x"}]}
    assert b'{"message":"\\u00e9  x"}' in body


def test_the_oldest_lines_give_way() -> None:
    logger = Logger()
    for number in range(log.BUFFERED_LINES_MAX + 5):
        logger.add("result", b"%d" % number)
    batch = logger.batch("result", 1)
    assert batch is not None
    assert batch.lines == (b"5",)
    assert logger.dropped == 5


def test_lines_are_bounded_in_bytes_for_each_kind() -> None:
    logger = Logger(2000)
    for number in range(50):
        logger.add("result", b"%0100d" % number)
    logger.add("status", b"x" * 900)
    assert len(logger) == 11
    batch = logger.batch("result", 100)
    assert batch is not None
    assert batch.lines[0] == b"%0100d" % 40
    logger.acknowledge(batch)
    for number in range(10):
        logger.add("result", b"%0100d" % number)
    assert logger.dropped == 40


def test_acknowledging_what_gave_way_meanwhile_loses_nothing_newer() -> None:
    logger = Logger(400)
    logger.add("result", b"a" * 100)
    first = logger.batch("result", 10)
    assert first is not None
    for letter in (b"b", b"c"):
        logger.add("result", letter * 100)
    logger.acknowledge(first)
    rest = logger.batch("result", 10)
    assert rest is not None
    assert rest.lines == (b"b" * 100, b"c" * 100)


def test_a_batch_holds_a_line_whatever_the_flags_say() -> None:
    logger = Logger()
    logger.add("result", b"{}")
    batch = logger.batch("result", 0)
    assert batch is not None
    assert batch.lines == (b"{}",)


def test_a_batch_is_bounded_in_bytes_and_a_line_too() -> None:
    logger = Logger()
    line = b"x" * (log.LINE_MAX - 1)
    for _ in range(8):
        logger.add("result", line)
    batch = logger.batch("result", 1000)
    assert batch is not None
    assert 1 <= len(batch.lines) <= log.BATCH_BYTES_MAX // len(line)
    assert not logger.add("result", b"x" * (log.LINE_MAX + 1))
    assert logger.dropped == 1
