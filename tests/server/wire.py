"""HTTP spoken by hand, for requests and answers that a library would not let through."""

import json
import socket
from dataclasses import dataclass


@dataclass
class Answer:
    """One response, read to its end."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name), None)

    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


def request(method: str, target: str, *headers: str, body: bytes = b"", length: bool = True) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: fleet.test", *headers]
    if body and length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*parts: bytes) -> bytes:
    """A body in chunks, with its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def read(connection: socket.socket, *, head: bool = False) -> Answer:
    """The next response on the connection; EOFError if it breaks off."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    raw, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    answer = Answer(int(first.split()[1]), headers, b"")
    if head or answer.status in (100, 204, 304):
        answer.body = rest
    elif answer.header("transfer-encoding") == "chunked":
        while not rest.endswith(b"0\r\n\r\n"):
            rest += _more(connection)
        answer.body = _joined(rest)
    else:
        size = int(answer.header("content-length") or 0)
        while len(rest) < size:
            rest += _more(connection)
        answer.body = rest
    return answer


def everything(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise EOFError
    return data


def _joined(rest: bytes) -> bytes:
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body += rest[:length]
        rest = rest[length + 2 :]
    return body
