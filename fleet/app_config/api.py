"""The JSON routes of app config."""

from fleet.app_config import presentation
from fleet.app_config import service as app_config
from fleet.app_config.models import AppConfigRow
from fleet.authz.check import can
from fleet.extensions import db
from fleet.web import doors
from fleet.web.context import authorize, current_actor, settings

api = doors.api("app_config", __name__)


@api.get("/config")
def show_config() -> doors.Json:
    """The organization's settings, as far as the role reads them, and what surrounds them."""
    authorize("read", AppConfigRow)
    config = app_config.get(db.session())
    everything = can(current_actor(), "write", AppConfigRow)
    return presentation.document(config, everything=everything) | presentation.surroundings(settings(), config)
