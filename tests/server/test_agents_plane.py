"""The agents' plane over real sockets, on uvicorn and on gunicorn."""

import contextlib
import gzip
import socket

import pytest

from tests.server.conftest import Running
from tests.server.wire import Answer, chunked, everything, read, request

MEMORY, THREAD = "/agents/memory", "/agents/thread"
BOTH = pytest.mark.parametrize("path", [MEMORY, THREAD])


def exchange(server: Running, data: bytes) -> Answer:
    with server.connect() as connection:
        connection.sendall(data)
        return read(connection)


def test_an_answer_from_memory_comes_back_as_json(either: Running) -> None:
    answer = exchange(either, request("POST", MEMORY, body=b'{"a":1}'))
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    assert answer.header("content-type") == "application/json; charset=utf-8"


def test_an_answer_from_a_thread_knows_the_caller_by_socket_and_headers(either: Running) -> None:
    data = request("POST", THREAD, "X-Forwarded-For: 1.2.3.4", "X-FORWARDED-FOR: 5.6.7.8", body=b"{}")
    sent = exchange(either, data).json()
    assert sent["peer"] == "127.0.0.1"
    assert sent["sent"]["x-forwarded-for"].replace(" ", "") == "1.2.3.4,5.6.7.8"
    assert sent["sent"]["content-length"] == "2"


def test_the_connection_goes_on_after_an_answer(either: Running) -> None:
    with either.connect() as connection:
        for number in range(3):
            connection.sendall(request("POST", MEMORY, body=b"%d" % number))
            assert read(connection).body == b"%d" % number


@BOTH
def test_a_chunked_body_is_joined(either: Running, path: str) -> None:
    data = request("POST", path, "Transfer-Encoding: chunked") + chunked(b"abc", b"def")
    answer = exchange(either, data)
    assert answer.body == b"abcdef" if path == MEMORY else answer.json()["size"] == 6


def test_a_gzipped_body_is_handed_on_as_it_came(either: Running) -> None:
    packed = gzip.compress(b"{}" * 1000)
    assert exchange(either, request("POST", MEMORY, "Content-Encoding: gzip", body=packed)).body == packed


def test_a_post_without_a_body_is_an_empty_body(either: Running) -> None:
    assert exchange(either, request("POST", MEMORY)).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused_with_nothing_said(either: Running, method: str) -> None:
    with either.connect() as connection:
        connection.sendall(request(method, MEMORY))
        answer = read(connection, head=method == "HEAD")
    assert (answer.status, answer.body, answer.header("allow")) == (405, b"", None)


def test_an_announced_body_over_the_cap_is_refused_before_it_comes(either: Running) -> None:
    answer = exchange(either, request("POST", MEMORY, "Content-Length: 65537"))
    assert answer.status == 413
    assert answer.json()["message"] == "Request Entity Too Large"
    assert answer.json()["errors"][0]["name"] == "base"
    assert "65536" in answer.json()["errors"][0]["reason"]


def test_a_body_over_the_cap_that_is_being_sent_still_sees_its_413(uvicorn: Running) -> None:
    assert exchange(uvicorn, request("POST", MEMORY, body=b"x" * 3_000_000)).status == 413


def test_a_chunked_body_is_counted_while_it_comes(either: Running) -> None:
    head = request("POST", MEMORY, "Transfer-Encoding: chunked")
    with either.connect() as connection:
        connection.sendall(head + chunked(b"x" * 70_000)[:-5])  # its end never comes
        assert read(connection).status == 413


def test_a_body_of_exactly_the_cap_is_taken(either: Running) -> None:
    for body in (
        request("POST", MEMORY, body=b"x" * 65536),
        request("POST", MEMORY, "Transfer-Encoding: chunked") + chunked(b"x" * 65536),
    ):
        assert len(exchange(either, body).body) == 65536


@BOTH
def test_a_bug_of_the_plane_is_a_500_and_nothing_else_suffers(either: Running, path: str) -> None:
    with either.logging() as logged:
        answer = exchange(either, request("POST", path, body=b"fail"))
    assert answer.status == 500
    assert answer.json()["message"] == "Internal Server Error"
    assert b"plane" not in answer.body
    assert "KeyError: 'a bug of the plane'" in logged
    assert exchange(either, request("POST", THREAD, body=b"{}")).status == 200


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "9" * 400])
def test_a_length_that_is_none_is_a_400(either: Running, length: str) -> None:
    assert exchange(either, request("POST", MEMORY, f"Content-Length: {length}")).status == 400


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(either: Running) -> None:
    with either.connect() as connection:
        connection.sendall(request("POST", MEMORY, "Content-Length: 100") + b"half")
        connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            assert not everything(connection).startswith(b"HTTP/1.1 200")
    assert exchange(either, request("POST", MEMORY, body=b"{}")).status == 200


def test_answers_from_memory_do_not_wait_for_busy_threads(uvicorn: Running, name: str) -> None:
    busy = [uvicorn.connect() for _ in range(40)]
    for connection in busy:
        connection.sendall(request("POST", THREAD, body=f"wait {name}".encode()))
    uvicorn.wait_for(f"waiting {name}")
    assert exchange(uvicorn, request("POST", MEMORY, body=b"{}")).status == 200
    uvicorn.go(name)
    for connection in busy:
        assert read(connection).status == 200
        connection.close()
