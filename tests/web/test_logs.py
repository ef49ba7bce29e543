"""The log holds no secret and no control character."""

import logging
import re
import sys

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
        '{"password": "correct \\"hunter2"}', "new_password='correct hunter2'", "Cookie: fleet_session=hunter2; a=b",
        "__Host-fleet_session=hunter2", "FLEET_SERVER_SECRET_KEY=hunter2", "basic_auth_password: hunter2",
        "cannot reach postgresql://fleet:hunter2@db/fleet", "redis://:hunter2@cache:6379/0", '"ticket": "hunter2"',
        "Authorization: Basic hunter2",
    ],
)  # fmt: skip
def test_values_of_secrets_are_redacted(message: str) -> None:
    for as_json in (False, True):
        assert "hunter2" not in line(message, as_json=as_json, body=message)


def test_secrets_in_a_traceback_are_redacted() -> None:
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        record = logging.LogRecord("t", logging.ERROR, "", 1, "failed", (), sys.exc_info())
    for as_json in (False, True):
        written = Formatter(as_json=as_json).format(record)
        assert "ValueError" in written and "hunter2" not in written and "\n" not in written


def test_control_characters_cannot_forge_a_line() -> None:
    for as_json in (False, True):
        written = line("host\nts=now level=error\x1b[31m\u2028", as_json=as_json, hostname="a\r\nb")
        assert "\n" not in written
        assert "\x1b" not in written


@pytest.mark.parametrize("value", ["\ud800", "\u202eexe.cod", "\u2066x"])
def test_what_cannot_be_written_or_reads_backwards_is_escaped(value: str) -> None:
    for as_json in (False, True):
        assert value[0] not in line(value, as_json=as_json, hostname=value).encode().decode()


@pytest.mark.parametrize("value", ['x" level=error', 'x\\" level=error', "x y\\", 'x\\\\" level=error y="'])
def test_quotes_cannot_forge_a_field(value: str) -> None:
    names = [name for name, _ in re.findall(r'([a-z]+)=("(?:[^"\\]|\\.)*"|\S*)', line("m", hostname=value))]
    assert names == ["ts", "level", "logger", "msg", "hostname"]


def test_what_is_no_secret_is_shown() -> None:
    message = "could not write session: OperationalError at http://127.0.0.1:8080/x"
    assert message in line(message)


def test_json_lines_are_json() -> None:
    assert orjson.loads(line("hello", as_json=True, status=200))["status"] == "200"
