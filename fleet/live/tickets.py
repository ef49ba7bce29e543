"""Tickets: what a page hands to its script in place of the session's key, to open one campaign for a minute."""

from dataclasses import dataclass

from itsdangerous import BadData, URLSafeTimedSerializer

PREFIX = "ws1."
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which session of which user may open which campaign."""

    session_id: int
    user_id: int
    campaign_id: int


def issue(secret: str, ticket: Ticket) -> str:
    """The ticket as text."""
    return PREFIX + _serializer(secret).dumps([ticket.session_id, ticket.user_id, ticket.campaign_id])


def read(secret: str, text: str) -> Ticket | None:
    """The ticket in a text; none if it is forged or too old."""
    try:
        session_id, user_id, campaign_id = _serializer(secret).loads(text.removeprefix(PREFIX), max_age=SECONDS)
    except (BadData, TypeError, ValueError):
        return None
    return Ticket(session_id, user_id, campaign_id)


def is_ticket(text: str) -> bool:
    """Whether a token is a ticket and not the key of a session."""
    return text.startswith(PREFIX)


def _serializer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="fleet.live.ticket")
