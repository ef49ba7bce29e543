"""Setting up, for the API and the wizard alike."""

from fleet.accounts import login, passwords
from fleet.accounts.models import User
from fleet.extensions import db
from fleet.setup import service
from fleet.setup.schemas import Setup
from fleet.teams import secrets
from fleet.web.context import settings


def set_up(new: Setup) -> tuple[User, str]:
    """The first admin and the key of a session; refused as a whole, or done as a whole."""
    service.check(new)
    login.let_go()
    hashed = passwords.hashed(new.admin.password if new.admin else "")
    fixed = settings().packaging.global_enroll_secret.get_secret_value()
    session = db.session()
    user = service.set_up(session, new, password_hash=hashed, enroll_secret=fixed or secrets.new_secret())
    return user, login.begin_session(session, user)
