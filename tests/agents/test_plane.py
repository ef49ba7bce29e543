"""What holds for every route: bodies, refusals, and both families of paths."""

import gzip
import json
import random
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from fleet import clock
from fleet.agents import wire
from fleet.agents.plane import HUGE, Caller
from fleet.db import changes
from fleet.extensions import db
from fleet.hosts.models import Host, HostSeen
from fleet.labels.models import Label
from fleet.runtime import Runtime
from fleet.server import answers
from tests import factories
from tests.agents.conftest import DETAILS, KEYED, Agent

ROUTES = ("enroll", *KEYED)
GZIP = {"content-encoding": "gzip"}


def test_both_families_of_paths_have_all_routes(runtime: Runtime) -> None:
    assert set(runtime.plane.routes) == {
        f"/api/{family}{name}" for family in ("osquery/", "v1/osquery/") for name in ROUTES
    }


@pytest.mark.parametrize("environment", [{"FLEET_SERVER_URL_PREFIX": "/fleet"}])
def test_a_prefix_stands_in_front_of_all_paths(runtime: Runtime) -> None:
    assert {path.removeprefix("/fleet/api/v1/") for path in runtime.plane.routes if "/v1/" in path} == {
        f"osquery/{name}" for name in ROUTES
    }
    assert all(path.startswith("/fleet/api/") for path in runtime.plane.routes)


def test_before_the_setup_only_versioned_paths_are_there(runtime: Runtime, session: Session) -> None:
    plane = runtime.plane
    body, caller = b'{"node_key":"x"}', Caller("", {})
    for name in ROUTES:
        old, new = plane.routes[f"/api/osquery/{name}"], plane.routes[f"/api/v1/osquery/{name}"]
        assert plane.at_once(old, body, caller) is None
        assert plane.answer(old, body, caller) == (404, b"404 page not found\n")
        status, answer = plane.answer(new, body, caller)
        assert status == 401 and orjson.loads(answer)["node_invalid"] is True
    factories.make_user(session)
    session.commit()
    assert plane.answer(plane.routes["/api/osquery/config"], body, caller)[0] == 401


def test_only_a_wrong_or_missing_key_says_node_invalid(agent: Agent) -> None:
    for name in KEYED:
        for body, reason in (({"node_key": "nope"}, "invalid node key: nope"), ({}, "missing node key"),
                             ({"node_key": None}, "missing node key"), (None, "missing node key")):  # fmt: skip
            status, answer = agent.send(name, orjson.dumps(body))
            assert status == 401 and set(answer) == {"error", "node_invalid", "uuid"}
            assert answer["error"] == f"authentication error: {reason}" and answer["node_invalid"] is True
        for body, reason in ((b"", "Expected JSON Body"), (b"{nope", "json decoder error"),
                             (b"[]", "json decoder error"), (b'"x"', "json decoder error"),
                             (b'{"node_key":5}', "json decoder error"), (b" ", "json decoder error"),
                             (b"[" * 100_000, "json decoder error"), (b'{"a":' * 5000, "json decoder error"),
                             (b'{"node_key":' + b"9" * 50_000 + b"}", "json decoder error")):  # fmt: skip
            if len(body) > agent.plane.routes[agent.family + name].cap:
                continue
            status, answer = agent.send(name, body)
            assert (status, answer["message"]) == (400, "Bad request")
            assert answer["errors"] == [{"name": "base", "reason": reason}] and "node_invalid" not in answer


def test_member_names_are_matched_in_any_letter_case(agent: Agent, session: Session) -> None:
    assert agent.send("config", orjson.dumps({"NODE_KEY": agent.node_key}))[0] == 200
    name = "fleet_detail_query_uptime"
    body = {"Node_Key": agent.node_key, "QUERIES": {name: [{"total_seconds": "5"}]}, "unknown": 1}
    assert agent.send("distributed/write", orjson.dumps(body)) == (200, {})
    assert session.scalars(select(Host.uptime)).one() == 5 * 10**9
    session.rollback()
    body = {"Enroll_Secret": factories.SECRET, "HOST_IDENTIFIER": "other", "Host_Details": DETAILS}
    assert agent.send("enroll", orjson.dumps(body))[0] == 200


def test_gzip_counts_only_by_its_exact_header(agent: Agent) -> None:
    body = orjson.dumps({"node_key": agent.node_key})
    packed = gzip.compress(body)
    assert agent.send("config", packed, GZIP)[0] == 200
    assert agent.send("config", gzip.compress(body[:9]) + gzip.compress(body[9:]), GZIP)[0] == 200
    for sent, headers, reason in (
        (packed, {}, "json decoder error"),
        (packed, {"content-encoding": "GZIP"}, "json decoder error"),
        (body, GZIP, "gzip decoder error"),
        (packed[:-9], GZIP, "gzip decoder error"),
        (packed + b"x", GZIP, "gzip decoder error"),
    ):
        status, answer = agent.send("config", sent, headers)
        assert status == 400 and answer["errors"][0]["reason"] == reason


@pytest.mark.parametrize(("name", "cap"), [("config", 65_536), ("distributed/read", 65_536), ("enroll", 1_048_576)])
def test_a_body_is_taken_up_to_the_cap_of_its_route(agent: Agent, name: str, cap: int) -> None:
    body = orjson.dumps({"node_key": agent.node_key, "enroll_secret": factories.SECRET, "host_identifier": "other"})
    for size, status in ((cap, 200), (cap + 1, 413)):
        padded = body.ljust(size)
        assert agent.send(name, padded)[0] == status
        assert agent.send(name, gzip.compress(padded), GZIP)[0] == status


def test_much_is_never_inflated_where_it_holds_up_others(agent: Agent) -> None:
    agent.config()
    body = orjson.dumps({"node_key": agent.node_key})
    for size, at_once in ((4096, True), (4097, False)):
        assert agent.send("config", body.ljust(size))[0] == 200
        assert agent.at_once is at_once


def test_a_gzip_bomb_is_413_in_bounded_memory(agent: Agent) -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), compresslevel=1)
    tracemalloc.start()
    try:
        for name in ("config", "enroll", "distributed/write", "log"):
            status, answer = agent.send(name, bomb, GZIP)
            assert status == 413 and answer["errors"][0]["name"] == "base"
        assert tracemalloc.get_traced_memory()[1] < 100 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_large_body_of_a_stranger_is_refused_before_it_is_built(agent: Agent) -> None:
    stranger = Agent(agent.plane, "nope")
    cells = b'{"queries":{"a":[' + b'"xy",' * 1_000_000 + b'""]},"node_key":"nope"}'
    tracemalloc.start()
    try:
        for name in ("distributed/write", "log"):
            assert stranger.send(name, cells)[0] == 401
        assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
        brackets = b'{"node_key":"%s","queries":{"a":[' % agent.node_key.encode() + b"[]," * 2_000_000 + b"1]}}"
        assert agent.send("distributed/write", brackets)[0] == 400
        assert tracemalloc.get_traced_memory()[1] < 60 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("size", "patience", "expected"), [(HUGE + 1, 0.3, b"alone"), (HUGE, 30, b"together")])
def test_huge_bodies_are_answered_one_after_the_other(
    agent: Agent, size: int, patience: float, expected: bytes
) -> None:
    both = threading.Barrier(2)

    def meet(_body: bytes, _caller: Caller) -> tuple[int, bytes]:
        try:
            both.wait(patience)
        except threading.BrokenBarrierError:
            return 200, b"alone"
        return 200, b"together"

    route = agent.plane.routes["/api/osquery/distributed/write"]._replace(answer=meet)
    with ThreadPoolExecutor(2) as threads:
        answered = [threads.submit(agent.plane.answer, route, bytes(size), Caller("", {})) for _ in range(2)]
    assert [one.result() for one in answered] == [(200, expected)] * 2


def test_the_key_of_a_large_body_stands_among_its_first_members(agent: Agent) -> None:
    key, much = b'"node_key":"%s"' % agent.node_key.encode(), b'"queries":{"a":"%s"}' % (b"x" * wire.LARGE)
    odd = [b'"%d":1' % number for number in range(wire.MOST_MEMBERS)]
    for members, status in (([much, key], 200), ([*odd[:-2], much, key], 200), ([*odd, key, much], 400)):
        for name in ("distributed/write", "log"):
            body = b"{%s}" % b",".join([*members, b'"log_type":"result"'])
            assert agent.send(name, body)[0] == status


def mutated(random_: random.Random, body: bytes) -> bytes:
    kind = random_.randrange(5)
    if kind == 0:
        return body[: random_.randrange(len(body))]
    if kind == 1:
        at = random_.randrange(len(body))
        return body[:at] + random_.randbytes(random_.randrange(1, 9)) + body[at:]
    junk = random_.choice(
        [None, True, [], {}, "", "\0", "\ud7ff\U0001f600", -1, 0.5, 2**63, 2**64, -(2**63), 10**25, "9" * 30,
         "x" * 3000, [[[]]], {"a": {"b": []}}, [None], [{"a": None}]]
    )  # fmt: skip

    def walk(value: Any) -> Any:
        if random_.random() < 0.08:
            return junk
        if isinstance(value, dict):
            return {("\0" + name if random_.random() < 0.02 else name): walk(item) for name, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value] * random_.choice([1, 1, 1, 2])
        return value

    document = {name: item if name == "node_key" else walk(item) for name, item in orjson.loads(body).items()}
    return repr(document).encode() if kind == 2 else json.dumps(document).encode()


def bodies(agent: Agent, campaign: int) -> dict[str, bytes]:
    queries = {f"fleet_detail_query_{name}": [row] for name, row in DETAILS.items()} | {
        "fleet_detail_query_uptime": [{"total_seconds": "5"}],
        "fleet_detail_query_osquery_flags": [{"name": "distributed_interval", "value": "10"}],
        "fleet_detail_query_network_interface_unix": [{"address": "10.0.0.1", "mac": "52:54:00:aa:00:11"}],
        "fleet_detail_query_disk_space_unix": [
            {"percent_disk_space_available": "41", "gigs_disk_space_available": "196.27"}
        ],
        "fleet_label_query_6": [{"1": "1"}],
        "fleet_label_query_7": [],
        f"fleet_distributed_query_{campaign}": [{"a": "1"}],
    }
    key = {"node_key": agent.node_key}
    enroll = {"enroll_secret": factories.SECRET, "host_identifier": "fuzzed", "host_details": DETAILS}
    write = key | {"queries": queries, "statuses": dict.fromkeys(queries, 0), "messages": dict.fromkeys(queries, "m")}
    log = key | {"log_type": "result", "data": [{"name": "x", "columns": {"a": "b"}}, {"snapshot": []}]}
    return {"enroll": orjson.dumps(enroll), "distributed/write": orjson.dumps(write), "log": orjson.dumps(log),
            "config": orjson.dumps(key), "distributed/read": orjson.dumps(key)}  # fmt: skip


def test_no_body_makes_a_500_or_breaks_the_next_request(agent: Agent, runtime: Runtime, session: Session) -> None:
    random_ = random.Random(4)
    host_id = session.scalars(select(Host.id)).one()
    runtime.live.start(1, "SELECT 1", [host_id])
    reader = runtime.live.read(1)
    for name, body in bodies(agent, 1).items():
        for _ in range(60 if name in ("distributed/write", "log") else 20):
            sent = mutated(random_, body)
            headers = GZIP if random_.random() < 0.1 else {}
            status, answer = agent.send(name, gzip.compress(sent) if headers else sent, headers)
            assert status in (200, 400, 401, 413), (name, sent, answer)
    assert agent.send("distributed/write", bodies(agent, 1)["distributed/write"])[0] == 200
    assert reader.next(0.01) is not None


def test_a_bug_is_a_500_without_node_invalid_and_without_details(
    agent: Agent, runtime: Runtime, session: Session
) -> None:
    agent.read()
    route = runtime.plane.routes["/api/osquery/config"]

    def broken(_body: bytes, _caller: Caller) -> tuple[int, bytes]:
        raise KeyError("a secret detail")

    status, answer = answers.of_plane(runtime.plane, route._replace(answer=broken), b"{}", Caller("", {}))
    assert status == 500 and b"secret detail" not in answer and b"node_invalid" not in answer and b"uuid" in answer


def test_a_database_that_fails_is_503_without_node_invalid(agent: Agent, runtime: Runtime, session: Session) -> None:
    def failing(*_arguments: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    changes.announce(session, changes.HOST, 0)
    session.commit()
    runtime.watcher.poll()
    event.listen(runtime.engine, "before_cursor_execute", failing)
    try:
        for name in KEYED:
            status, answer = agent.call(name)
            assert status == 503 and set(answer) == {"error", "uuid"}
    finally:
        event.remove(runtime.engine, "before_cursor_execute", failing)
    assert agent.call("config")[0] == 200


def test_every_call_with_a_key_is_a_sign_of_life(agent: Agent, runtime: Runtime, session: Session) -> None:
    host_id = session.scalars(select(Host.id)).one()
    runtime.batch.flush()
    for name in KEYED:
        session.execute(HostSeen.__table__.update().values(seen_at=clock.NEVER))
        session.commit()
        agent.call(name, log_type="result")
        runtime.batch.flush()
        session.rollback()
        assert session.scalars(select(HostSeen.seen_at)).one() > clock.NEVER
        session.rollback()
    runtime.batch.seen("seen", host_id)
    runtime.batch.seen("seen", host_id + 1)  # a host that is gone
    runtime.batch.flush()
    assert runtime.batch.last("seen", host_id) is None
    assert session.scalars(select(HostSeen.host_id)).all() == [host_id]


def test_a_change_while_a_row_is_read_is_not_overlooked(agent: Agent, runtime: Runtime, session: Session) -> None:
    nodes = runtime.plane._nodes
    changes.announce(session, changes.HOST, 0)
    session.commit()
    runtime.watcher.poll()
    real = nodes._schedule.detail_due

    def meanwhile(host_id: int, last: float) -> float:
        nodes._epoch += 1  # as `changed` does, right after the row was read
        return real(host_id, last)

    nodes._schedule.detail_due = meanwhile  # type: ignore[method-assign]
    try:
        agent.call("distributed/read")
    finally:
        nodes._schedule.detail_due = real  # type: ignore[method-assign]
    assert len(nodes) == 0


def test_deleted_labels_are_no_longer_asked(agent: Agent, runtime: Runtime, app: Flask) -> None:
    with app.app_context():
        label_id = factories.make_label(db.session()).id
        changes.announce(db.session(), changes.LABELS)
        db.session.commit()
        runtime.watcher.poll()
        assert f"fleet_label_query_{label_id}" in agent.read()["queries"]
        db.session.delete(db.session.get(Label, label_id))
        changes.announce(db.session(), changes.LABELS)
        db.session.commit()
        runtime.watcher.poll()
        assert f"fleet_label_query_{label_id}" not in agent.read()["queries"]


def test_polls_and_configs_do_not_wait_for_a_writer(agent: Agent, runtime: Runtime, session: Session) -> None:
    agent.settle()
    agent.config()
    changes.announce(session, changes.HOST, 0)
    session.commit()
    runtime.watcher.poll()
    with runtime.engine.begin():  # somebody writes meanwhile, and memory is empty
        assert agent.read() == {"queries": {}, "discovery": {}}
        assert agent.config()
