"""The only way to ask the time."""

from datetime import UTC, datetime

NEVER = datetime(1970, 1, 2, tzinfo=UTC)
"""What a host reports for something that has not happened yet (Fleet API for contributors)."""

ZERO = datetime(1, 1, 1, tzinfo=UTC)
"""The timestamp in answers built from a request instead of from a stored row."""


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
