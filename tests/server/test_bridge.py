"""Flask behind the server, over real sockets."""

import hashlib
import os
import re
import time

import pytest
import requests

from tests.server.conftest import Running
from tests.server.wire import chunked, everything, read, request

MB = 1024 * 1024


def test_10_mb_stream_into_flask_while_they_come(uvicorn: Running, name: str) -> None:
    body = os.urandom(10 * MB)
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", f"/upload?name={name}", f"Content-Length: {len(body)}") + body[:MB])
        uvicorn.wait_for(f"upload {name} began")
        connection.sendall(body[MB:])
        told = read(connection).json()
    assert told["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_chunked_upload_arrives_whole(either: Running) -> None:
    parts = [os.urandom(50_000) for _ in range(20)]
    told = requests.post(f"{either.url}/upload", data=iter(parts), timeout=20).json()
    assert told["sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.mark.parametrize(
    ("head", "part"),
    [
        ("Content-Length: 1000000", b"x" * 200_000),
        ("Transfer-Encoding: chunked", chunked(b"x" * 200_000)[:-5]),
    ],
)
def test_an_upload_that_breaks_off_never_looks_whole(uvicorn: Running, name: str, head: str, part: bytes) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", f"/upload?name={name}", head) + part)
    uvicorn.wait_for(f"upload {name} broke off 400")
    assert f"upload {name} ended" not in uvicorn.events()
    assert requests.get(f"{uvicorn.url}/hello", timeout=5).text == "ok"


def test_an_upload_refused_half_way_still_sees_the_answer(uvicorn: Running) -> None:
    assert requests.post(f"{uvicorn.url}/refuse-upload", data=b"x" * 3 * MB, timeout=10).status_code == 413


def test_who_expects_100_continue_is_asked_to_continue(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", "/upload", "Expect: 100-continue", "Content-Length: 5"))
        assert read(connection).status == 100
        connection.sendall(b"12345")
        assert read(connection).json()["size"] == 5


def test_who_expects_100_continue_may_be_refused_first(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", "/refuse-upload", "Expect: 100-continue", "Content-Length: 5"))
        assert read(connection).status == 413


def test_100_mb_stream_out_in_bounded_memory(uvicorn: Running) -> None:
    before, peak, size = uvicorn.rss(), 0, 0
    with requests.get(f"{uvicorn.url}/stream", stream=True, timeout=20) as response:
        for block in response.iter_content(MB):
            size += len(block)
            peak = max(peak, uvicorn.rss())
    assert size == 100 * MB
    assert peak - before < 40


def test_a_stream_waits_for_a_client_that_does_not_read_and_stops_when_it_goes(uvicorn: Running, name: str) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("GET", f"/stream?name={name}"))
        connection.recv(1000)
        time.sleep(0.5)  # time enough to send too much
    assert int(uvicorn.wait_for(f"stream {name} ended after ").rpartition(" ")[2]) < 400


def test_pieces_of_a_stream_leave_as_they_are_made(uvicorn: Running, name: str) -> None:
    with requests.get(f"{uvicorn.url}/drip/{name}", stream=True, timeout=10) as response:
        lines = response.iter_lines(chunk_size=1)
        assert next(lines) == b"0"
        uvicorn.go(name)
        assert list(lines) == [b"1", b"2"]


def test_a_stream_that_fails_half_way_breaks_the_connection(uvicorn: Running) -> None:
    with uvicorn.logging() as logged, uvicorn.connect() as connection, pytest.raises((EOFError, ConnectionError)):
        connection.sendall(request("GET", "/break"))
        read(connection)
    assert "ValueError: half-way" in logged


def test_head_has_the_length_and_no_body(either: Running) -> None:
    with either.connect() as connection:
        connection.sendall(request("HEAD", "/hello") + request("GET", "/hello", "Connection: close"))
        first, second, body = everything(connection).split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200") and b"content-length: 2" in first.lower()
    assert second.startswith(b"HTTP/1.1 200") and body == b"ok"


def test_head_of_a_stream_has_no_body_and_the_connection_goes_on(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("HEAD", "/stream") + request("GET", "/hello", "Connection: close"))
        _, second, body = everything(connection).split(b"\r\n\r\n")
    assert second.startswith(b"HTTP/1.1 200") and body == b"ok"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_body_have_none(either: Running, status: int) -> None:
    with either.connect() as connection:
        connection.sendall(request("GET", f"/empty/{status}") + request("GET", "/hello", "Connection: close"))
        first, second, body = everything(connection).split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d" % status)
    assert second.startswith(b"HTTP/1.1 200") and body == b"ok"


def test_a_status_that_ends_nothing_is_a_500(uvicorn: Running) -> None:
    assert requests.get(f"{uvicorn.url}/empty/103", timeout=5).status_code == 500


def test_each_cookie_has_its_own_header(either: Running) -> None:
    with either.connect() as connection:
        connection.sendall(request("GET", "/cookies"))
        answer = read(connection)
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1; Path=/", "b=2; Path=/"]


def test_a_path_is_decoded_once_and_kept_as_sent(either: Running) -> None:
    with either.connect() as connection:
        connection.sendall(request("GET", "/path/a%2520b/%C3%A9?q=%20&r=%2B"))
        told = read(connection).json()
    assert told["rest"] == "a%20b/é"
    assert told["environ"]["RAW_URI"] == "/path/a%2520b/%C3%A9?q=%20&r=%2B"
    assert told["environ"]["QUERY_STRING"] == "q=%20&r=%2B"


@pytest.mark.parametrize("target", ["/path/%ff%fe", "/path/%zz", "/path/%00", "/path/%", "//hello", "/../x", "*"])
def test_strange_paths_are_answered(uvicorn: Running, target: str) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("GET", target))
        assert read(connection).status in (200, 308, 400, 404)


def test_headers_reach_the_environ_as_wsgi_wants_them(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        headers = ["X-Two: a", "X-Two: b", "X_Forwarded_For: evil", "Cookie: a=1", "Cookie: b=2"]
        connection.sendall(request("GET", "/environ", *headers, "Content-Type: text/x"))
        told = read(connection).json()
    environ = told["environ"]
    assert environ["HTTP_X_TWO"] == "a,b"
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert told["cookies"] == {"a": "1", "b": "2"}
    assert environ["CONTENT_TYPE"] == "text/x"
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(uvicorn.port)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_nothing_of_the_processs_environment_is_in_the_environ(uvicorn: Running) -> None:
    environ = requests.get(f"{uvicorn.url}/environ", timeout=5).json()["environ"]
    assert "PATH" not in environ
    assert "HOME" not in environ


@pytest.mark.parametrize("size", [16_000, 2_000_000])
def test_huge_headers_are_answered_or_refused(uvicorn: Running, size: int) -> None:
    with uvicorn.connect() as connection:
        try:
            connection.sendall(request("GET", "/hello", "X-Big: " + "x" * size))
            assert read(connection).status == (200 if size < 100_000 else 431)
        except ConnectionError:
            assert size > 100_000
    assert requests.get(f"{uvicorn.url}/hello", timeout=5).text == "ok"


def test_requests_in_one_packet_are_answered_in_order(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(b"".join(request("GET", f"/path/{name}") for name in "abc"))
        data = b""
        while len(answered := re.findall(rb'"rest": ?"(.)"', data)) < 3:
            more = connection.recv(65536)
            assert more, data
            data += more
    assert answered == [b"a", b"b", b"c"]


@pytest.mark.parametrize("path", ["/upload", "/agents/memory"])
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (["Content-Length: 3", "Content-Length: 4"], b"abcd", 400),
        (["Transfer-Encoding: gzip"], b"abc", 400),
        (["Transfer-Encoding: chunked"], b"zz\r\n", 400),
        (["Content-Length: 3", "Transfer-Encoding: chunked"], chunked(b"abcdef"), 400),
        ([f"X-{number}: a" for number in range(200)], b"", 431),
    ],
)
def test_framing_is_never_ambiguous(uvicorn: Running, path: str, headers: list[str], body: bytes, status: int) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("POST", path, *headers, body=body, length=False))
        assert read(connection).status == status
