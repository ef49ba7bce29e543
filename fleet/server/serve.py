"""Serving with granian: one process, one port, and an end that loses nothing."""

import asyncio
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
from typing import TYPE_CHECKING, cast

import uvloop
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server.embed import Server

from fleet.server.asgi import Gateway, make_asgi
from fleet.server.tls import own_names

if TYPE_CHECKING:
    from flask import Flask

BACKLOG = 4096
# granian counts open connections here, and agents keep theirs open: past it nobody is answered, or told.
CONNECTIONS = 40_000
FILES = 65_536
SOCKETS_SECONDS, REQUESTS_SECONDS, FLUSH_SECONDS = 1.0, 5.0, 2.5
# Dead peers are found by the kernel (after about 90 s), because granian can't send WebSocket pings.
KEEPALIVE = (("TCP_KEEPIDLE", 45), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 3))

log = logging.getLogger("fleet.server")


class Listener(Server):
    """granian in this process, on a socket that is already bound (its own would share the port silently)."""

    bound: socket.socket

    def _init_shared_socket(self) -> None:
        holder = cast("Callable[[int, bool, int], SocketHolder]", SocketHolder)
        vars(self).update(_shd=holder(self.bound.detach(), False, BACKLOG), _ssp=None)


def serve(flask_app: "Flask", *, host: str, port: int, cert: Path | None, key: Path | None, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT, then end the process: with 0, or with 1 if it could not start.

    Everything that was accepted is answered first, for at most 5 s, and the buffers are flushed.
    """
    if workers != 1:
        sys.exit("fleet: one process serves; for several put wsgi.py behind gunicorn --workers")
    _raise_file_limit()
    bound = _bind(host, port)
    addresses = _addresses(host, bound.getsockname()[1], "https" if cert else "http")
    gateway = make_asgi(flask_app, flask_app.extensions["fleet"].plane)
    # The loop waits for its turn behind working threads: at most this long for each, instead of 5 ms.
    sys.setswitchinterval(0.001)
    signal.signal(signal.SIGHUP, lambda *_: flask_app.extensions["fleet"].plane.rotate_logs())
    uvloop.run(_serve(gateway, bound, cert, key, f"serving at {addresses}"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)  # the flush is short, and who is impatient must not lose it
    code = 0 if _flush(flask_app.extensions["fleet"].close) else 1
    threading.Thread(target=_end, args=(code,), name="end", daemon=True).start()
    sys.exit(code)


async def _serve(gateway: Gateway, bound: socket.socket, cert: Path | None, key: Path | None, hello: str) -> None:
    """Serve until told to stop, and until all is answered or time is up."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    host, port = bound.getsockname()[:2]
    server = Listener(
        gateway,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        log_level=LogLevels.error,
        # Levels only: granian's own set-up would close the handlers that the application has made.
        log_dictconfig={"incremental": True, "formatters": {}, "handlers": {}, "loggers": {"_granian": {}}},
        ssl_cert=cert,
        ssl_key=key,
        ssl_protocol_min=SSLProtocols.tls12,
    )
    server.bound = bound
    serving = asyncio.create_task(server.serve())
    await asyncio.sleep(0.05)  # the first turns of the loop start to listen
    log.info(hello)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    log.info("stopping")
    await gateway.sockets.close(SOCKETS_SECONDS)
    cast("Callable[[], None]", server.stop)()
    _, late = await asyncio.wait({serving}, timeout=REQUESTS_SECONDS)
    if late:
        log.warning("some requests did not end in %s s", REQUESTS_SECONDS)
        # They are cancelled with the loop, and granian would print tracebacks about that.
        logging.getLogger("_granian").setLevel(logging.CRITICAL + 1)
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
        for name, value in KEEPALIVE:
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
