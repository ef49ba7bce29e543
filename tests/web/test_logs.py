"""The log holds no secret and no control character."""

import logging

import orjson
import pytest

from fleet.web.logs import Formatter


def line(message: str, *, as_json: bool = False, **fields: object) -> str:
    record = logging.LogRecord("t", logging.INFO, "", 1, message, (), None)
    record.fields = fields
    return Formatter(as_json=as_json).format(record)


@pytest.mark.parametrize(
    "message",
    [
        '{"node_key": "hunter2"}', "node_key=hunter2", "'enroll_secret': 'hunter2'", "password: hunter2",
        "Authorization: Bearer hunter2", "GET /me?token=hunter2&x=1", '"api_token":"hunter2"', "ORBIT_NODE_KEY=hunter2",
    ],
)  # fmt: skip
def test_values_of_secrets_are_redacted(message: str) -> None:
    for as_json in (False, True):
        assert "hunter2" not in line(message, as_json=as_json, body=message)


def test_control_characters_cannot_forge_a_line() -> None:
    for as_json in (False, True):
        written = line("host\nts=now level=error\x1b[31m\u2028", as_json=as_json, hostname="a\r\nb")
        assert "\n" not in written
        assert "\x1b" not in written


def test_json_lines_are_json() -> None:
    assert orjson.loads(line("hello", as_json=True, status=200))["status"] == "200"
