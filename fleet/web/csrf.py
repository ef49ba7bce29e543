"""Requests with a cookie that change something must come from our own pages.

Two tests, either of which would do: the browser says so (Sec-Fetch-Site, or Origin), and the form holds a token.
The token covers proxies that strip headers.
"""

from flask import Flask, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from fleet.errors import Forbidden
from fleet.web.addresses import own_origin

protection = CSRFProtect()


class OutOfDate(Forbidden):
    """A form whose token is none of this browser: what was sent may be sent again from a fresh form."""


def install(app: Flask) -> None:
    """Give templates `csrf_token()`; doors call `check` themselves."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # an editor that stays open for a day must still save
    app.config["WTF_CSRF_SSL_STRICT"] = False  # its Referer test collides with no-referrer pages
    protection.init_app(app)


def same_origin() -> bool:
    """Whether the browser says that one of our own pages sent this."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    return own_origin(missing=True)


def check() -> None:
    """Refuse a request that another site sent."""
    if not same_origin():
        raise Forbidden("This form was sent from another site.")
    try:
        protection.protect()
    except CSRFError:
        raise OutOfDate("This form is out of date. Send it again.") from None
