"""Serving: one process, one port, and an end that loses nothing."""

import asyncio
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from fleet.server.gateway import Gateway
from fleet.server.listener import Listener
from fleet.server.tls import context, own_names

if TYPE_CHECKING:
    import ssl

    from flask import Flask

FILES = 65_536
SOCKETS_SECONDS, REQUESTS_SECONDS, FLUSH_SECONDS = 1.0, 5.0, 2.5
# The kernel finds peers that are gone, or that do not take what is sent to them, after about 90 s.
PATIENCE = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 90_000))

log = logging.getLogger("fleet.server")


def serve(flask_app: "Flask", *, host: str, port: int, cert: Path | None, key: Path | None) -> None:
    """Serve until SIGTERM or SIGINT, then end the process: with 0, or with 1 if it could not start.

    Everything that was accepted is answered first, for at most 5 s, and the buffers are flushed.
    """
    _raise_file_limit()
    bound = _bind(host, port)
    addresses = _addresses(host, bound.getsockname()[1], "https" if cert else "http")
    secure = context(cert, key) if cert and key else None
    # The loop waits for its turn behind working threads: at most this long for each, instead of 5 ms.
    sys.setswitchinterval(0.001)
    # What stands now stays for good: looking through it again and again for garbage would find none.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGHUP, lambda *_: flask_app.extensions["fleet"].plane.rotate_logs())
    uvloop.run(_serve(flask_app, bound, secure, f"serving at {addresses}"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the flush is short, and who is impatient must not lose it
    code = 0 if _flush(flask_app.extensions["fleet"].close) else 1
    threading.Thread(target=_end, args=(code,), name="end", daemon=True).start()
    sys.exit(code)


async def _serve(flask_app: "Flask", bound: socket.socket, secure: "ssl.SSLContext | None", hello: str) -> None:
    """Serve until told to stop, and until all is answered or time is up."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gateway = Gateway(flask_app)
    listener = Listener(gateway, flask_app.extensions["fleet"].plane)
    await listener.listen(bound, secure)
    log.info(hello)
    await stop.wait()
    log.info("stopping")
    await gateway.sockets.close(SOCKETS_SECONDS)
    if not await listener.close(REQUESTS_SECONDS):
        log.warning("some requests did not end in %s s", REQUESTS_SECONDS)
        # They are cancelled with the loop, and tracebacks would be printed about that.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL + 1)
        loop.set_exception_handler(lambda _loop, context: log.debug("after the end: %s", context["message"]))


def _end(code: int) -> None:
    """End the process although some thread goes on for ever."""
    time.sleep(1)
    logging.shutdown()
    os._exit(code)


def _flush(close: Callable[[], object]) -> bool:
    worker = threading.Thread(target=close, name="flush", daemon=True)
    worker.start()
    worker.join(FLUSH_SECONDS)
    return not worker.is_alive()


def _raise_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket that nobody shares; ends the process with one line where that is impossible."""
    shown = f"{host or '*'}:{port}"
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # Every address: the IPv6 socket also takes IPv4, where there is IPv6 at all.
        found.sort(key=lambda entry: entry[0] != socket.AF_INET6 if not host else 0)
    except OSError as error:
        sys.exit(f"fleet: can't listen on {shown}: {error.strerror}")
    for family, _, _, _, address in found:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in PATIENCE:
            if hasattr(socket, name):
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if host and host != "::" else 0)
        try:
            listener.bind(address)
            return listener
        except OSError as error:
            listener.close()
            failure = error.strerror
    sys.exit(f"fleet: can't listen on {shown}: {failure}")


def _addresses(host: str, port: int, scheme: str) -> str:
    hosts = own_names() if host in ("", "::", "0.0.0.0") else [host]
    return " ".join(f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}" for name in hosts)
