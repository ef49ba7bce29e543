"""What a wire does with somebody who never stops talking."""

from typing import Any

import pytest
from flask_sock import ConnectionClosed

from fleet.live.wires import RawWire, SockJsWire


class Chatterbox:
    """A socket whose other end always has more to say, until it has left."""

    def __init__(self, *, connected: bool = True) -> None:
        self.connected = connected
        self.heard = 0

    def receive(self, timeout: float) -> str:
        self.heard += 1
        assert self.heard < 10_000, "listened to for ever"
        return '{"type": "more"}'


@pytest.mark.parametrize("wire", [RawWire, SockJsWire])
def test_nobody_is_listened_to_for_ever(wire: Any) -> None:
    socket = Chatterbox()
    wire(socket).tick()
    assert socket.heard > 1


@pytest.mark.parametrize("wire", [RawWire, SockJsWire])
def test_who_has_left_is_noticed_while_something_of_theirs_is_unread(wire: Any) -> None:
    with pytest.raises(ConnectionClosed):
        wire(Chatterbox(connected=False)).tick()
