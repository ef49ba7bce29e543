"""Cookies: all of them out of reach of scripts and other sites, and never sent in the clear by who came by TLS."""

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response

from fleet.web.context import settings


def secure() -> bool:
    """Whether the browser came by TLS, be it to a trusted proxy that says so."""
    return bool(settings().server.tls) or request.is_secure


def path() -> str:
    """Where cookies count: everywhere below the URL prefix."""
    return settings().server.url_prefix + "/"


def keep(response: Response, name: str, value: str, *, seconds: int | None) -> None:
    """Set a cookie; without `seconds` it ends with the browser."""
    response.set_cookie(
        name, value, max_age=seconds, path=path(), secure=secure(), httponly=True, samesite="Lax"
    )  # fmt: skip


def drop(response: Response, name: str) -> None:
    """Delete a cookie."""
    response.delete_cookie(name, path=path(), secure=secure(), httponly=True, samesite="Lax")


class FormCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, which holds the seed of CSRF tokens and the messages for the next page."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """As for all other cookies."""
        return secure()
