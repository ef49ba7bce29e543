"""Cutting a client's connection, where HTTP has no way left to say that something went wrong."""

import contextlib
import os
import socket


def cut(host: str, port: int) -> bool:
    """Shut the open TCP connection with that client; True if it was there.

    granian ends a broken-off answer like a whole one. Once the status line is out, only a connection that
    breaks tells the client that the rest is missing.
    """
    for name in os.listdir("/dev/fd"):
        # A copy of the descriptor can't be closed and given to somebody else while we look at it.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as connection:
            if connection.getpeername()[:2] == (host, port):
                connection.shutdown(socket.SHUT_RDWR)
                return True
    return False
