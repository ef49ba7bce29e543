"""The JSON routes of activities."""

from fleet.activities import listing
from fleet.activities.models import Activity
from fleet.extensions import db
from fleet.web import doors
from fleet.web.context import authorize
from fleet.web.listing import list_options

api = doors.api("activities", __name__)


@api.get("/activities")
def list_activities() -> doors.Json:
    """What people did, page by page; `meta` says whether there is more, but not behind a cursor."""
    authorize("read", Activity)
    options = list_options()
    found, more = listing.listed(db.session(), options)
    by_cursor = bool(options.after and options.order_key)
    meta = None if by_cursor else {"has_next_results": more, "has_previous_results": options.page > 0}
    return {"meta": meta, "activities": found}
