"""Enroll secrets: what lets new hosts in."""

import hmac
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.orm import Session

from fleet import clock, keys
from fleet.db.portable import unique
from fleet.errors import DuplicateEntry, Invalid, Problem
from fleet.teams.models import EnrollSecret
from fleet.teams.schemas import MAX_SECRET, NewSecret, problems

MOST = 50
SIZE = 24


def verify(connection: Connection | Session, secret: str) -> tuple[bool, int | None]:
    """Whether a host with this secret may enroll, and into which team. An empty secret lets nobody in."""
    if not secret or len(secret) > MAX_SECRET or "\x00" in secret or not _is_text(secret):
        return False, None
    statement = select(EnrollSecret.secret, EnrollSecret.team_id).where(EnrollSecret.secret == secret)
    row = connection.execute(statement).one_or_none()
    if row is None or not hmac.compare_digest(row.secret.encode(), secret.encode()):
        return False, None
    return True, row.team_id


def _is_text(secret: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in secret)


def new_secret() -> str:
    """A random enroll secret."""
    return keys.random_key(SIZE)


def of_nobody(session: Session) -> Sequence[EnrollSecret]:
    """The global secrets: hosts that enroll with them are in no team."""
    statement = select(EnrollSecret).where(EnrollSecret.team_id.is_(None))
    return session.scalars(statement.order_by(EnrollSecret.created_at, EnrollSecret.secret)).all()


def add_global(session: Session, secret: str) -> None:
    """One more global secret, unless it is there already."""
    if session.get(EnrollSecret, secret) is None:
        session.add(EnrollSecret(secret=secret))
        session.flush()


def replace_global(session: Session, wanted: Sequence[NewSecret], *, fixed: str) -> None:
    """Make these the global secrets; those that stay keep their time. `fixed`: the one of the settings, if any."""
    if fixed:
        raise Invalid("the global enroll secret is fixed by FLEET_PACKAGING_GLOBAL_ENROLL_SECRET", name="secrets")
    wrong = problems(list(wanted), MOST)
    if wrong:
        raise Invalid(wrong)
    texts = [new.secret for new in wanted]
    if len(set(texts)) < len(texts):
        raise _duplicate()
    kept = set(session.scalars(select(EnrollSecret.secret).where(EnrollSecret.team_id.is_(None))))
    gone = kept - set(texts)
    if gone:
        session.execute(delete(EnrollSecret).where(EnrollSecret.secret.in_(gone)))
    now = clock.now()
    fresh = [{"secret": text, "team_id": None, "created_at": now} for text in texts if text not in kept]
    if fresh:
        with unique(session, _duplicate):
            session.execute(insert(EnrollSecret), fresh)


def _duplicate() -> DuplicateEntry:
    # The value stays out of the answer: it may be the secret of a team that the sender does not see.
    refused = DuplicateEntry.of("********", "enroll_secrets.PRIMARY")
    refused.problems = [Problem("secrets", refused.problems[0].reason)]
    return refused
