"""The carriers of live queries: in memory, through Redis, and two processes' worth of the latter."""

from collections.abc import Callable, Iterator

import pytest

from fleet.backplane import Live
from fleet.backplane.memory import MemoryLive
from fleet.backplane.redis import RedisLive
from tests.ports import redis_server

Make = Callable[[], Live]


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a real server."""
    with redis_server() as server:
        yield f"redis://{server.host}:{server.port}/0"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A server of its own for each test, on the one Redis."""
    return str(abs(hash(request.node.nodeid)))


@pytest.fixture(params=["memory", "redis"])
def live(request: pytest.FixtureRequest, name: str) -> Iterator[Live]:
    """One carrier of either kind."""
    made: Live = MemoryLive() if request.param == "memory" else RedisLive(request.getfixturevalue("valkey"), name)
    yield made
    made.close()


@pytest.fixture
def pair(valkey: str, name: str) -> Iterator[tuple[RedisLive, RedisLive]]:
    """Two processes of one server."""
    one, other = RedisLive(valkey, name), RedisLive(valkey, name)
    yield one, other
    one.close()
    other.close()
