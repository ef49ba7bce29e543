"""What templates know beside the values of their page."""

from datetime import datetime, timedelta
from typing import Any

from flask import Flask, url_for

from fleet import clock
from fleet.web.assets import Assets
from fleet.web.context import runtime
from fleet.web.pages import context

FIRST_RELEASE = datetime(2016, 7, 28, tzinfo=clock.NEVER.tzinfo)
"""Moments before this one mean never."""


def install(app: Flask, assets: Assets) -> None:
    """Register globals, filters and the context of every template."""

    def asset(name: str) -> str:
        return runtime().settings.server.url_prefix + assets.address(name)

    app.jinja_env.globals.update(asset=asset, url_for=url_for)
    app.jinja_env.filters.update(ago=ago, iso=iso, bytes=size, duration=duration)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def everywhere() -> dict[str, Any]:
        organization = runtime().organization.current()
        return context() | {"org_name": organization.name, "org_logo_url": organization.logo_url}


def iso(moment: datetime) -> str:
    """`2023-09-14T10:22:07Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(moment: datetime | None) -> str:
    """How long ago, in words: `3 minutes ago`; `Never` for moments that mean never."""
    if moment is None or moment < FIRST_RELEASE:
        return "Never"
    seconds = int((clock.now() - moment).total_seconds())
    if abs(seconds) < 10:
        return "just now"
    text = _largest_unit(abs(seconds))
    return f"in {text}" if seconds < 0 else f"{text} ago"


def _largest_unit(seconds: int) -> str:
    for unit, length in (
        ("year", 31536000),
        ("month", 2592000),
        ("day", 86400),
        ("hour", 3600),
        ("minute", 60),
    ):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"


def size(number: float) -> str:
    """Bytes in GB with one decimal."""
    return f"{number / 1_000_000_000:.1f} GB"


def duration(value: timedelta | int | float) -> str:
    """Seconds or a timedelta in words: `6 hours`, `90 seconds`."""
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    for unit, length in (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
