"""The HTTP client against servers that misbehave, and what is kept of a server's words."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fleet.bundled_agent import protocol
from fleet.bundled_agent.client import Client, Response, Server, Unreachable
from fleet.bundled_agent.protocol import Refused
from fleet.bundled_agent.state import State

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def posted(handle: Handle, times: int = 1, timeout: float = 5.0) -> list[Response]:
    """The responses that a client gets, one after the other."""

    async def post() -> list[Response]:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            client = Client(Server.at(url, user_agent="x"), timeout)
            try:
                return [await client.post("/", b"{}") for _ in range(times)]
            finally:
                client.close()

    return asyncio.run(post())


def saying(answer: bytes, *, hang_up: bool = False, connections: list[int] | None = None) -> Handle:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connections is not None:
            connections.append(1)
        try:
            while await reader.readuntil(b"{}"):
                writer.write(answer)
                await writer.drain()
                if hang_up:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    return handle


def test_a_connection_is_kept_and_replaced_when_the_server_has_hung_up() -> None:
    kept: list[int] = []
    assert [response.status for response in posted(saying(GOOD, connections=kept), 3)] == [200] * 3
    assert len(kept) == 1
    anew: list[int] = []
    assert [response.status for response in posted(saying(GOOD, hang_up=True, connections=anew), 3)] == [200] * 3
    assert len(anew) == 3


@pytest.mark.parametrize(
    ("answer", "hang_up", "complaint"),
    [
        (b"", False, "too long"),
        (b"", True, "hung up"),
        (b"SSH-2.0-OpenSSH\r\n", False, "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200, False, "too large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", True, "hung up"),
    ],
)
def test_what_is_no_answer_is_unreachable(
    answer: bytes, hang_up: bool, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.bundled_agent.client.RESPONSE_MAX", 100)
    with pytest.raises(Unreachable, match=complaint):
        posted(saying(answer, hang_up=hang_up), timeout=0.3)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"node_key": ""}', b'{"node_key": 7}'])
def test_enrolling_without_a_key_is_a_refusal(body: bytes) -> None:
    with pytest.raises(Refused, match="no node key"):
        protocol.node_key(body)


def test_a_key_is_no_longer_good_whatever_the_status() -> None:
    for status in (200, 401):
        with pytest.raises(Refused) as refused:
            protocol.check(status, b'{"error": "unknown", "node_invalid": true}')
        assert refused.value.node_invalid
    with pytest.raises(Refused) as refused:
        protocol.check(500, b'{"error": "database is locked"}')
    assert not refused.value.node_invalid
    assert protocol.check(200, b'{"queries": {"node_invalid": "SELECT 1"}}')


def test_little_is_not_compressed_nor_what_is_not_wanted() -> None:
    assert protocol.compressed(b"x" * 1000, True) == (b"x" * 1000, False)
    assert protocol.compressed(b"x" * 2000, False) == (b"x" * 2000, False)
    assert protocol.compressed(b"x" * 2000, True)[1]


@pytest.mark.parametrize("text", ["{", "[]", '{"node_keys": 7}', '{"node_keys": {"a": 7}}'])
def test_a_state_that_cannot_be_read_begins_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    state = State(path)
    assert state.node_key("a") == ""
    state.keep("a", "key")
    assert State(path).node_key("a") == "key"
    assert json.loads(path.read_text())["node_keys"] == {"a": "key"}
