"""What a connection does to requests that are slow, endless, out of turn, or not HTTP."""

import socket
import time

import pytest
from websocket import ABNF, create_connection

from tests.server.conftest import Running
from tests.server.wire import read, request

MEMORY, THREAD = "/agents/memory", "/agents/thread"


def ended(connection: socket.socket) -> bool:
    """Whether the server ends the connection, without another answer."""
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def test_answers_of_both_kinds_say_what_time_it_is(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        for asked in (request("POST", MEMORY, body=b"{}"), request("GET", "/hello")):
            connection.sendall(asked)
            date = read(connection).header("date")
            assert date is not None
            assert abs(time.time() - time.mktime(time.strptime(date, "%a, %d %b %Y %H:%M:%S GMT")) + time.timezone) < 5


def test_agents_and_pages_take_turns_on_one_connection(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        for _ in range(3):
            connection.sendall(request("POST", MEMORY, body=b"{}"))
            assert read(connection).body == b"{}"
            connection.sendall(request("POST", THREAD, body=b"abc"))
            assert read(connection).json()["size"] == 3
            connection.sendall(request("GET", "/hello"))
            assert read(connection).body == b"ok"


@pytest.mark.parametrize("target", [f"{MEMORY}?a=1", "/agents/%6demory", f"http://fleet.test{MEMORY}"])
def test_an_agents_route_is_found_by_its_path_however_that_is_written(uvicorn: Running, target: str) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", target, body=b"{}"))
        assert read(connection).body == b"{}"


def test_answers_from_memory_come_in_the_order_of_the_requests(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(b"".join(request("POST", MEMORY, body=b"%d" % number) for number in range(5)))
        data = b""
        while data.count(b"\r\n\r\n") < 5 or not data.endswith(b"4"):
            data += connection.recv(65536)
        assert [part[:1] for part in data.split(b"\r\n\r\n")[1:]] == [b"0", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("second", [request("GET", "/hello"), request("POST", MEMORY, body=b"{}"), b"rubbish\r\n\r\n"])
def test_who_does_not_wait_for_an_answer_gets_that_one_only(impatient: Running, name: str, second: bytes) -> None:
    for gate, together in ((f"{name}a", True), (f"{name}b", False)):
        first = request("POST", THREAD, body=f"wait {gate}".encode())
        with impatient.connect() as connection:
            connection.sendall(first + second if together else first)
            impatient.wait_for(f"waiting {gate}")
            if not together:
                connection.sendall(second)
            impatient.go(gate)
            answer = read(connection)
            assert (answer.json()["size"], answer.header("connection")) == (len(f"wait {gate}"), "close")
            assert ended(connection)


def test_an_agent_behind_an_unanswered_page_is_told_to_ask_again(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("GET", "/slow") + request("POST", MEMORY, body=b"{}"))
        answer = read(connection)
        assert (answer.body, answer.header("connection")) == (b"done", "close")
        assert ended(connection)


def test_who_wants_to_end_the_connection_is_obeyed(uvicorn: Running) -> None:
    for headers, version in (["Connection: close"], "1.1"), ([], "1.0"):
        with uvicorn.connect() as connection:
            connection.sendall(request("POST", MEMORY, *headers, body=b"{}").replace(b"1.1", version.encode(), 1))
            answer = read(connection)
            assert (answer.body, answer.header("connection")) == (b"{}", "close")
            assert ended(connection)


def test_an_agent_may_expect_100_continue(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", MEMORY, "Expect: 100-continue", "Content-Length: 2"))
        assert read(connection).status == 100
        connection.sendall(b"{}")
        assert read(connection).body == b"{}"
        connection.sendall(request("POST", MEMORY, "Expect: 100-continue", "Content-Length: 99999"))
        assert read(connection).status == 413


@pytest.mark.parametrize(
    "sent",
    [
        b"rubbish\r\n\r\n",
        b"GET /hello HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"GET /h\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"GET http://fleet.test HTTP/1.1\r\n\r\n",
        b"POST http://fleet.test?a=1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_400_that_says_so(uvicorn: Running, sent: bytes) -> None:
    with uvicorn.logging() as logged, uvicorn.connect() as connection:
        connection.sendall(sent)
        answer = read(connection)
        assert (answer.status, answer.header("connection")) == (400, "close")
        assert "HTTP" in answer.json()["errors"][0]["reason"]
        assert answer.json()["uuid"]
    assert logged == ["INFO:fleet.errors:refused"]


def test_an_upgrade_to_http_2_is_not_taken_and_http_1_goes_on(uvicorn: Running) -> None:
    headers = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"]
    with uvicorn.logging() as logged, uvicorn.connect() as connection:
        connection.sendall(request("GET", "/hello", *headers))
        assert read(connection).body == b"ok"
        connection.sendall(request("POST", MEMORY, *headers, body=b"{}"))
        assert read(connection).body == b"{}"
    assert logged == []


def test_headers_without_end_are_refused_without_filling_memory(uvicorn: Running) -> None:
    before = uvicorn.rss()
    with uvicorn.connect() as connection:
        try:
            connection.sendall(b"GET /hello HTTP/1.1\r\n")
            for number in range(20_000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 1000))
        except ConnectionError:
            pass
    assert uvicorn.rss() - before < 20


def test_a_body_that_nobody_wants_is_not_read_for_ever(uvicorn: Running) -> None:
    for path in ("/refuse-upload", MEMORY):
        with uvicorn.connect() as connection, pytest.raises(ConnectionError):
            connection.sendall(request("POST", path, "Content-Length: 1000000000"))
            for _ in range(1000):
                connection.sendall(b"x" * 100_000)


def test_a_client_that_never_reads_its_answers_is_not_read_any_more(uvicorn: Running) -> None:
    before = uvicorn.rss()
    with uvicorn.connect() as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            for _ in range(2000):
                connection.sendall(request("POST", MEMORY, body=b"x" * 60_000))
    assert uvicorn.rss() - before < 20


def test_a_socket_is_pinged_so_that_the_dead_are_found(impatient: Running, name: str) -> None:
    connection = create_connection(f"ws://127.0.0.1:{impatient.port}/ws/join?name={name}", timeout=10)
    assert connection.recv() == "joined"
    assert connection.recv_data_frame(control_frame=True)[0] == ABNF.OPCODE_PING
    impatient.wait_for(f"{name} left 1005")  # this client did not answer
    connection.shutdown()


@pytest.mark.parametrize("sent", [b"POST /agents/me", b"GET /hello HTTP/1.1\r\nHost: a\r\nX-"])
def test_a_head_that_does_not_come_is_a_408(impatient: Running, sent: bytes) -> None:
    with impatient.connect() as connection:
        connection.sendall(sent)
        assert read(connection).status == 408
        assert ended(connection)


def test_a_head_that_comes_byte_by_byte_is_a_408_too(impatient: Running) -> None:
    with impatient.connect() as connection:
        connection.setblocking(False)
        connection.send(b"GET /")
        data, began = b"", time.monotonic()
        while b"408" not in data and time.monotonic() - began < 5:
            try:
                connection.send(b"a" if not data else b"")
                data += connection.recv(1000)
            except BlockingIOError:
                time.sleep(0.1)
        assert b"408" in data


def test_who_says_nothing_at_all_is_not_waited_for(impatient: Running) -> None:
    with impatient.connect() as connection:
        assert ended(connection)


def test_a_connection_that_is_not_used_is_closed(impatient: Running) -> None:
    for asked in (request("POST", MEMORY, body=b"{}"), request("GET", "/hello")):
        with impatient.connect() as connection:
            connection.sendall(asked)
            assert read(connection).status == 200
            assert ended(connection)


def test_a_slow_answer_of_a_thread_is_waited_for(impatient: Running) -> None:
    with impatient.connect() as connection:
        connection.sendall(request("GET", "/slow"))
        assert read(connection).body == b"done"


def test_a_refused_agent_that_stays_is_shown_out(impatient: Running) -> None:
    with impatient.connect() as connection:
        connection.sendall(request("PUT", MEMORY, "Content-Length: 100"))
        assert read(connection).status == 405
        assert ended(connection)
