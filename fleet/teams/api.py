"""The JSON routes of teams."""

from fleet.authz.check import Thing, can, visible_teams
from fleet.errors import BadRequest
from fleet.extensions import db
from fleet.teams import listing, secrets
from fleet.teams.schemas import SecretOut, SecretSpec
from fleet.web import doors
from fleet.web.context import authorize, current_actor, settings
from fleet.web.listing import list_options
from fleet.web.parsing import parse

api = doors.api("teams", __name__)

GLOBAL_SECRETS = Thing("global_enroll_secret")


@api.get("/teams")
def list_teams() -> doors.Json:
    """The teams that whoever asks may see."""
    authorize("read", Thing("teams"))
    actor = current_actor()
    found = listing.listed(
        db.session(),
        list_options(),
        visible_teams(actor),
        lambda team_id: can(actor, "read", Thing("enroll_secret", team_id=team_id)),
    )
    return {"teams": found}


@api.get("/spec/enroll_secret")
def show_global_secrets() -> doors.Json:
    """The secrets with which hosts enroll into no team."""
    authorize("read", GLOBAL_SECRETS)
    found = secrets.of_nobody(db.session())
    return {"spec": {"secrets": [SecretOut(secret=row.secret, created_at=row.created_at).shown() for row in found]}}


@api.post("/spec/enroll_secret")
def apply_global_secrets() -> doors.Json:
    """Replace those secrets."""
    authorize("write", GLOBAL_SECRETS)
    sent = parse(SecretSpec)
    if sent.spec is None:
        raise BadRequest("missing required argument", name="spec")
    fixed = settings().packaging.global_enroll_secret.get_secret_value()
    secrets.replace_global(db.session(), sent.spec.secrets, fixed=fixed)
    return {}
