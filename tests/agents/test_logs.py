"""The log route: bytes to files, acknowledged when they are there."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleet.agents.osquery import logs
from fleet.errors import BadRequest
from fleet.runtime import Runtime
from tests.agents.conftest import Agent

ELEMENTS = [
    b'{"name":"pack/Global/uptime", "unixTime" : 1694080800.0,"columns":{"a":"\\u00e9\\/ \\"x\\""}}',
    b'{"b":1.50e+01,"a":{"deep":[[{"x":[]}],{}]}}',
    '{"utf-8":"é\U0001f600 [{]},:"}'.encode(),
    b'"text"',
    b"12",
    b"null",
    b"[1, 2]",
]


def path(runtime: Runtime, kind: str) -> Path:
    return runtime.settings.data_dir / "logs" / f"{kind}.log"


def body(agent: Agent, elements: list[bytes], kind: str = "result") -> bytes:
    return b'{"node_key":"%s", "log_type":"%s" , "data":[ %s\n]}' % (
        agent.node_key.encode(), kind.encode(), b" ,".join(elements),
    )  # fmt: skip


def test_elements_reach_the_log_byte_for_byte(agent: Agent, runtime: Runtime) -> None:
    for kind in ("result", "status"):
        sent = body(agent, ELEMENTS, kind)
        assert agent.send("log", gzip.compress(sent), {"content-encoding": "gzip"}) == (200, {})
        assert path(runtime, kind).read_bytes() == b"".join(line + b"\n" for line in ELEMENTS)
        assert agent.send("log", sent) == (200, {})
        assert path(runtime, kind).read_bytes() == b"".join(line + b"\n" for line in ELEMENTS * 2)


def test_bytes_that_are_no_utf8_reach_the_log_too(agent: Agent, runtime: Runtime) -> None:
    element = b'{"message":"a\xff\xfeb","nul":"\\u0000"}'
    assert agent.send("log", body(agent, [element]))[0] == 200
    assert path(runtime, "result").read_bytes() == element + b"\n"


def test_the_last_of_several_members_called_data_counts(agent: Agent, runtime: Runtime) -> None:
    sent = b'{"DATA":[1],"node_key":"%s","log_type":"result","d\\u0061ta":[2]} {"data":[3]}'
    assert agent.send("log", sent % agent.node_key.encode())[0] == 200
    assert path(runtime, "result").read_bytes() == b"2\n"


def test_nothing_to_log_is_fine_and_writes_nothing(agent: Agent, runtime: Runtime) -> None:
    empty: list[dict[str, Any]] = [{}, {"data": None}, {"data": []}]
    for fields in empty:
        assert agent.call("log", log_type="result", **fields) == (200, {})
    assert not path(runtime, "result").exists()


def test_data_that_is_no_array_is_400(agent: Agent) -> None:
    for data in ("text", 5, {}, True):
        status, answer = agent.call("log", log_type="result", data=data)
        assert status == 400 and answer["error"] == "data must be an array" and "node_invalid" not in answer


def test_an_unknown_log_type_is_400_without_node_invalid(agent: Agent) -> None:
    for kind in ("nope", "Result", "", None):
        status, answer = agent.call("log", log_type=kind, data=[{}])
        assert status == 400 and set(answer) == {"error", "uuid"}
        assert answer["error"] == f"unknown log type: {kind or ''}"


def test_an_unknown_node_logs_nothing(agent: Agent, runtime: Runtime) -> None:
    stranger = Agent(agent.plane, "nope")
    for sent in (body(stranger, ELEMENTS), body(stranger, [b'"%s"' % (b"x" * 400_000)])):
        status, answer = agent.send("log", sent)
        assert status == 401 and answer["node_invalid"] is True
    assert not path(runtime, "result").exists()


def test_ten_megabytes_of_log_are_taken(agent: Agent, runtime: Runtime) -> None:
    elements = [b'{"columns":{"a":"%s"}}' % (b"x" * 1000)] * 10_000
    assert agent.send("log", body(agent, elements))[0] == 200
    assert path(runtime, "result").read_bytes() == b"".join(line + b"\n" for line in elements)


def test_a_log_that_cannot_be_written_is_500_so_that_the_agent_keeps_it(agent: Agent, runtime: Runtime) -> None:
    path(runtime, "result").mkdir(parents=True)
    status, answer = agent.call("log", log_type="result", data=[{"a": 1}])
    assert status == 500 and set(answer) == {"error", "uuid"}
    path(runtime, "result").rmdir()
    assert agent.call("log", log_type="result", data=[{"a": 1}])[0] == 200
    assert orjson.loads(path(runtime, "result").read_bytes()) == {"a": 1}


USUAL = [
    b'{"node_key":"k","log_type":"result","data":[{"a":"b"}]}',
    b'{"data": [ {"a":1} , {"b":[1,2]},\n{"c":{"d":{}}} ] ,"log_type":"status", "node_key":"k"}',
    b'{"node_key":"k","log_type":"result","data":[{"path":"C:\\\\users\\\\x","x":"\\u00e9"},{}]}',
]
ODD = [
    b'{"node_key":"k","log_type":"result","data":[{"a":"},{"},{"b":"}]"}]}',
    b'{"node_key":"k","log_type":"result","data":[{"snapshot":[{"a":1},{"a":2}]},{"b":3}]}',
    b'{"node_key":"k","log_type":"result","data":[{"a":1},2,{"b":3}]}',
    b'{"node_key":"k","log_type":"result","data":[{"a":1}],"data":[{"b":2}]}',
    b'{"node_key":"k","log_type":"result","data":[{"a":1}],"DATA":[{"b":2}]}',
    b'{"node_key":"k","log_type":"result","x":{"data":[{"a":1}]},"data":[{"b":2}]}',
    b'{"node_key":"k","log_type":"result","data":[{"b":2}],"x":{"data":[{"a":1}]}}',
    b'{"node_key":"k","log_type":"result","x":"\\"data\\":[{","data":[{"b":2}]}',
    b'{"node_key":"k","log_type":"result","data":[{"a":"\\u0000"},{"b":"\\ud800"}]}',
    b'{"node_key":"k","log_type":"result","data":[{"a":1}]} {"data":[{"b":2}]}',
    b'{"node_key":"k","log_type":"result","data":[{"a":"\xff"},{"b":2}]}',
    b'[{"node_key":"k","log_type":"result","data":[{"a":1}]}]',
]


def test_what_is_taken_quickly_is_what_taking_the_body_apart_gives() -> None:
    bodies = [*USUAL, *ODD]
    rows: list[Any] = [{}, {"a": "},{"}, {"b": [{"c": 1}, {}]}, {"data": [{"x": 1}]}, 5, "]}", [{}]]
    generator = random.Random(5)
    for _ in range(500):
        data = [generator.choice(rows) for _ in range(generator.randint(1, 4))]
        members = [("node_key", "k"), ("log_type", "result"), ("data", data), ("x", generator.choice(rows))]
        generator.shuffle(members)
        separators = generator.choice([(",", ":"), (", ", ": ")])
        bodies.append(json.dumps(dict(members), separators=separators).encode())
    for sent in bodies:
        quick = logs._as_usual(sent)
        if quick is not None:
            fields, lines = logs._taken_apart(sent)
            assert quick[1] == lines, sent
            assert {**fields, "data": []} == quick[0], sent
    assert all(logs._as_usual(sent) for sent in USUAL)


@pytest.mark.parametrize(
    "sent", [b'{"data":[{"a":1},{"b"]}', b'{"data":[{"a":1}}]', b'{"data":[{"a":1}]', b'"data":[{}]']
)
def test_lines_of_a_body_that_is_no_document_are_refused(sent: bytes) -> None:
    assert logs._as_usual(sent) is None
    with pytest.raises(BadRequest):
        logs._taken_apart(sent)
