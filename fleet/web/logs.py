"""The server's own log: one line an event, without secrets and without control characters."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

SECRET = re.compile(
    r"(?i)(\b(?:[a-z]+_)*(?:node_key|secret|secret_key|password|token|ticket|authorization|cookie|fleet_session)\b"
    r"[\"']?\s*[:=]\s*)"
    r"(?:\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|(?:(?:bearer|basic)\s+)?[^\s\"',;&}]+)"
)
LOGIN = re.compile(r"(\w://[^\s:/@]*:)[^\s/@]+@")
"""User and password in an address."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What would begin a new line, turn the order of the text around, or cannot be written at all."""


def redacted(text: str) -> str:
    """A text without the values of secrets, control characters escaped."""
    shown = LOGIN.sub(r"\1[redacted]@", SECRET.sub(r"\1[redacted]", text))
    return CONTROL.sub(lambda m: ascii(m.group())[1:-1], shown)


class Formatter(logging.Formatter):
    """key=value, or JSON."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record; `extra={"fields": {...}}` become pairs of their own."""
        fields: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": redacted(record.getMessage()),
        }
        fields |= {key: redacted(str(value)) for key, value in getattr(record, "fields", {}).items()}
        if record.exc_info:
            fields["trace"] = redacted(self.formatException(record.exc_info))
        if self._as_json:
            return orjson.dumps(fields).decode()
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields.items())


def _quoted(value: str) -> str:
    if value and not re.search(r'[\s"=]', value):
        return value
    # Backslashes before a quote are doubled: else one that was sent would let the quote end the value.
    return '"' + re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + (found[2] and r"\""), value) + '"'


def configure(*, debug: bool, as_json: bool) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for noisy in ("sqlalchemy", "alembic", "apscheduler", "uvicorn", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
