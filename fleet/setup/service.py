"""The first run: an empty instance gets its organization, its first admin and an enroll secret, or nothing at all."""

import threading

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from fleet.accounts import service as accounts
from fleet.accounts.models import User
from fleet.activities import service as activities
from fleet.app_config import service as app_config
from fleet.app_config.schemas import AppConfig, OrgInfo, ServerSettings
from fleet.db.engine import reading
from fleet.db.portable import unique
from fleet.errors import FleetError, Invalid, NotFound
from fleet.setup.schemas import Setup, admin_problems, organization_problems, server_problems
from fleet.teams import secrets


class Gate:
    """Whether the instance waits to be set up; asks the database until it is."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._done = False
        self._lock = threading.Lock()

    def is_required(self) -> bool:
        """Whether there is no user yet."""
        if self._done:
            return False
        with self._lock, reading(self._engine) as connection:
            self._done = accounts.anybody(connection)
        return not self._done


def check(new: Setup) -> None:
    """Refuse what cannot be set up; the address first, as clients expect."""
    problems = server_problems(new.server_url) or [*admin_problems(new.admin), *organization_problems(new.org_info)]
    if problems:
        raise Invalid(problems)


def set_up(session: Session, new: Setup, *, password_hash: str, enroll_secret: str) -> User:
    """Store the organization, an enroll secret and the first admin. `NotFound` once there is a user."""
    admin = new.admin
    assert admin is not None, "checked before"
    config = AppConfig(
        org_info=OrgInfo(org_name=new.org_info.org_name, org_logo_url=new.org_info.org_logo_url),
        server_settings=ServerSettings(server_url=new.server_url),
    )
    # Of two at the same time, the second waits here for the first, and then finds its user.
    with unique(session, _already):
        app_config.save(session, config)
    if accounts.anybody(session):
        raise _already()
    user = User(
        name=(admin.name or "").strip(),
        email=admin.email.strip().lower(),
        password_hash=password_hash,
        position=admin.position,
        global_role="admin",
    )
    session.add(user)
    session.flush()
    secrets.add_global(session, enroll_secret)
    by = accounts.as_actor(user)
    about = {"user_id": user.id, "user_name": user.name, "user_email": user.email}
    activities.record(session, by, "created_user", about)
    session.flush()
    activities.record(session, by, "changed_user_global_role", about | {"role": user.global_role})
    session.flush()
    return user


def _already() -> FleetError:
    return NotFound("this instance is set up already")
