"""flask-sock's handlers on uvicorn's WebSockets."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from websocket import (
    ABNF,
    WebSocket,
    WebSocketBadStatusException,
    WebSocketTimeoutException,
    create_connection,
)

from tests.server.conftest import Running
from tests.server.wire import read, request


def connect(server: Running, path: str, **options: object) -> WebSocket:
    return create_connection(server.url.replace("http", "ws") + path, timeout=10, **options)


def closed(socket: WebSocket) -> tuple[int, str]:
    """The code and the reason of the close frame that comes next."""
    code, data = socket.recv_data_frame(control_frame=True)
    assert code == ABNF.OPCODE_CLOSE
    return int.from_bytes(data.data[:2], "big"), data.data[2:].decode()


def test_texts_and_bytes_come_back(either: Running) -> None:
    socket = connect(either, "/ws/echo")
    for text in ("a", "é" * 1000, ""):
        socket.send(text)
        assert socket.recv() == text
    socket.send_binary(b"\x00\xff")
    assert socket.recv() == b"\x00\xff"
    socket.close()


def test_codes_and_reasons_arrive_as_sent(uvicorn: Running) -> None:
    socket = connect(uvicorn, "/ws/echo")
    socket.send("close")
    assert closed(socket) == (4401, "who are you")


def test_a_handler_that_returns_closes_with_1000_behind_its_last_message(uvicorn: Running) -> None:
    socket = connect(uvicorn, "/ws/tail")
    for number in range(2000):
        assert socket.recv().startswith(f"{number} ")
    assert closed(socket)[0] == 1000


def test_a_bug_in_a_handler_closes_with_1011(uvicorn: Running) -> None:
    with uvicorn.logging() as logged:
        socket = connect(uvicorn, "/ws/echo")
        socket.send("bug")
        assert closed(socket)[0] == 1011
    assert "KeyError: 'a bug of a handler'" in logged


def test_a_handler_learns_the_clients_close_code(uvicorn: Running, name: str) -> None:
    socket = connect(uvicorn, f"/ws/join?name={name}")
    assert socket.recv() == "joined"
    socket.close(status=4002)
    uvicorn.wait_for(f"{name} left 4002")


def test_a_handler_learns_that_the_client_vanished(uvicorn: Running, name: str) -> None:
    socket = connect(uvicorn, f"/ws/join?name={name}")
    assert socket.recv() == "joined"
    socket.shutdown()
    uvicorn.wait_for(f"{name} left 1005")


def test_a_ping_is_answered(uvicorn: Running) -> None:
    socket = connect(uvicorn, "/ws/join")
    assert socket.recv() == "joined"
    socket.ping("hello")
    code, frame = socket.recv_data_frame(control_frame=True)
    assert (code, frame.data) == (ABNF.OPCODE_PONG, b"hello")
    socket.close()


@pytest.mark.parametrize("path", ["/ws/guarded", "/ws/refusing"])
def test_an_upgrade_is_refused_with_403_before_it_happens(uvicorn: Running, path: str) -> None:
    with uvicorn.logging() as logged:
        with pytest.raises(WebSocketBadStatusException) as refused:
            connect(uvicorn, path, origin="https://evil.test")
        assert requests.get(f"{uvicorn.url}/hello", timeout=10).text == "ok"  # by now all is said about the refusal
    assert logged == []
    assert refused.value.status_code == 403
    assert b"Forbidden" in refused.value.resp_body


def test_the_right_origin_gets_in(either: Running) -> None:
    assert connect(either, "/ws/guarded", origin="https://here.test").recv() == "welcome"


def test_unknown_routes_pages_and_agents_routes_refuse_the_upgrade(uvicorn: Running) -> None:
    for path, status in (("/ws/none", 404), ("/hello", 400), ("/agents/memory", 404)):
        with pytest.raises(WebSocketBadStatusException) as refused:
            connect(uvicorn, path)
        assert refused.value.status_code == status


def test_a_broken_handshake_is_a_400(uvicorn: Running) -> None:
    with uvicorn.connect() as connection:
        connection.sendall(request("GET", "/ws/echo", "Connection: Upgrade", "Upgrade: websocket"))
        assert read(connection).status == 400


def test_a_page_request_to_a_socket_route_is_refused(uvicorn: Running) -> None:
    assert requests.get(f"{uvicorn.url}/ws/echo", timeout=5).status_code == 400


def test_a_message_over_64_kb_closes_with_1009(uvicorn: Running) -> None:
    socket = connect(uvicorn, "/ws/echo")
    socket.send("x" * 65_536)
    assert len(socket.recv()) == 65_536
    socket.send("x" * 65_537)
    assert closed(socket)[0] == 1009


def test_200_sockets_hear_a_broadcast(uvicorn: Running) -> None:
    with ThreadPoolExecutor(20) as pool:
        sockets = list(pool.map(lambda _: connect(uvicorn, "/ws/join"), range(200)))
        assert set(pool.map(lambda socket: socket.recv(), sockets)) == {"joined"}
        deadline = time.monotonic() + 20
        while True:
            reached = requests.post(f"{uvicorn.url}/broadcast", timeout=10).json()
            if reached >= 200:
                break
            assert time.monotonic() < deadline
        assert set(pool.map(lambda socket: socket.recv(), sockets)) == {"news"}
        for socket in sockets:
            socket.close()


def test_a_client_that_does_not_read_makes_the_handler_wait(uvicorn: Running, name: str) -> None:
    socket = connect(uvicorn, f"/ws/flood?name={name}")
    time.sleep(1)  # time enough to send too much
    socket.shutdown()
    messages = int(uvicorn.wait_for(f"flood {name} closed").rpartition(" ")[2])
    assert messages * 64 // 1024 < 20


def test_a_client_that_floods_a_deaf_handler_is_made_to_wait(uvicorn: Running) -> None:
    socket = connect(uvicorn, "/ws/flood")
    socket.settimeout(0.5)
    sent = 0
    with pytest.raises(WebSocketTimeoutException):
        while sent < 500:
            socket.send("x" * 60_000)
            sent += 1
    assert sent < 500
    socket.shutdown()


def test_sockets_work_under_tls(uvicorn_tls: Running) -> None:
    options = {"sslopt": {"ca_certs": str(uvicorn_tls.cert)}}
    socket = connect(uvicorn_tls, "/ws/echo", **options)
    socket.send(json.dumps({"a": 1}))
    assert json.loads(socket.recv()) == {"a": 1}
    socket.send("close")
    assert closed(socket) == (4401, "who are you")
