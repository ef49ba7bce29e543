"""What is said on the WebSockets of live queries when they are framed as SockJS does it, and what stands beside."""

import contextlib
import json
import re
from typing import Any

import pytest
from websocket import WebSocketBadStatusException, WebSocketTimeoutException

from fleet.live import conversation
from fleet.runtime import Runtime
from tests.conftest import Client
from tests.live.conftest import Talk, answer, run


def sockjs(talk: Talk, *messages: dict[str, Any]) -> None:
    talk.socket.send(json.dumps([json.dumps(message) for message in messages]))


def test_sockjs_carries_the_same_conversation(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.live.wires.HEARTBEAT_SECONDS", 0.6)
    campaign_id = run(admin, hosts)
    talk = Talk(address, "/api/v1/fleet/results/123/abcdefgh/websocket")
    assert talk.socket.recv() == "o"
    talk.socket.send("[]")
    sockjs(
        talk,
        {"type": "auth", "data": {"token": admin.token}},
        {"type": "select_campaign", "data": {"campaign_id": campaign_id}},
    )
    totals = talk.socket.recv()
    assert re.fullmatch(r'a\["\{.*\}"\]', totals)
    assert json.loads(json.loads(totals[1:])[0])["type"] == "totals"
    assert json.loads(json.loads(talk.socket.recv()[1:])[0])["type"] == "status"
    assert talk.socket.recv() == "h"
    answer(runtime, campaign_id, hosts[0])
    while (frame := talk.socket.recv()) == "h":
        pass
    assert json.loads(json.loads(frame[1:])[0])["data"]["host"]["hostname"] == "alpha"


@pytest.mark.parametrize("frame", ["garbage", "{}", "[1]", '[{"type": "auth"}]', '["nonsense"]', "null"])
def test_sockjs_closes_what_it_cannot_read(anonymous: Client, address: str, frame: str) -> None:
    talk = Talk(address, "/api/v1/fleet/results/1/x/websocket")
    assert talk.socket.recv() == "o"
    talk.socket.send(frame)
    assert talk.socket.recv() == 'c[0,"none"]'
    assert talk.closed() == 1000


def test_sockjs_frames_that_hold_nothing_win_no_time(
    anonymous: Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "AUTH_SECONDS", 0.5)
    talk = Talk(address, "/api/v1/fleet/results/1/x/websocket")
    assert talk.socket.recv() == "o"
    talk.socket.settimeout(0.05)
    for _ in range(200):
        talk.socket.send("[]")
        with contextlib.suppress(WebSocketTimeoutException):
            assert talk.socket.recv() == 'c[0,"none"]'
            break
    else:
        pytest.fail("still waited for")


def test_segments_of_a_sockjs_address_hold_no_dot(anonymous: Client, address: str) -> None:
    for segments in ("1.2/x", "1/x.y"):
        with pytest.raises(WebSocketBadStatusException) as refused:
            Talk(address, f"/api/v1/fleet/results/{segments}/websocket")
        assert refused.value.status_code == 404


def test_sockjs_tells_a_bad_token(anonymous: Client, address: str) -> None:
    talk = Talk(address, "/api/v1/fleet/results/1/x/websocket")
    talk.socket.recv()
    sockjs(talk, {"type": "auth", "data": {"token": "nope"}})
    assert talk.socket.recv() == 'a["{\\"type\\":\\"error\\",\\"data\\":\\"unauthorized\\"}"]'
    assert talk.socket.recv() == 'c[0,"none"]'


def test_what_stands_beside_the_sockets(anonymous: Client) -> None:
    results = "/api/v1/fleet/results"
    get = anonymous.flask.get
    assert get(f"{results}/").text == "Welcome to SockJS!\n"
    assert (get(results).status_code, get(results).text) == (404, "404 page not found\n")
    info = get(f"{results}/info")
    assert info.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert info.headers["Cache-Control"] == "no-store, no-cache, must-revalidate, max-age=0"
    assert info.headers["Access-Control-Allow-Origin"] == "*"
    assert info.headers["Access-Control-Allow-Credentials"] == "true"
    entropy = info.json.pop("entropy")
    assert 0 <= entropy < 2**31
    assert {key: info.json[key] for key in ("websocket", "cookie_needed", "origins")} == {
        "websocket": True, "cookie_needed": False, "origins": ["*:*"],
    }  # fmt: skip
    assert (
        get(f"{results}/info", headers={"Origin": "https://a.b"}).headers["Access-Control-Allow-Origin"]
        == "https://a.b"
    )
    for path in ("websocket", "1/x/websocket"):
        refused = get(f"{results}/{path}")
        assert (refused.status_code, refused.headers["Sec-WebSocket-Version"]) == (400, "13")
    for transport in ("xhr", "xhr_streaming", "xhr_send", "jsonp_send"):
        assert get(f"{results}/1/x/{transport}").status_code == 405
        posted = anonymous.flask.post(f"{results}/1/x/{transport}")
        assert (posted.status_code, posted.data) == (405, b"")
    assert get(f"{results}/nonsense").text == "404 page not found\n"
    assert anonymous.flask.options(f"{results}/info").status_code == 405
