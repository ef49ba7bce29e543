"""The server's own log: one line an event, without secrets and without control characters."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

SECRET = re.compile(
    r"(?i)(\b(?:node_key|orbit_node_key|enroll_secret|secret|password|new_password|old_password|token|authorization"
    r"|api_token|session)\b[\"']?\s*[:=]\s*[\"']?)(?:bearer\s+)?[^\s\"',;&}]+"
)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def redacted(text: str) -> str:
    """A text without the values of secrets, control characters escaped."""
    return CONTROL.sub(lambda m: repr(m.group())[1:-1], SECRET.sub(r"\1[redacted]", text))


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
    return '"' + value.replace('"', r"\"") + '"'


def configure(*, debug: bool, as_json: bool) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for noisy in ("sqlalchemy", "alembic", "apscheduler", "uvicorn", "websockets", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
