"""Pages: the whole of one to a browser, one block of it to htmx."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask import Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response as AnyResponse

from fleet import VERSION, clock
from fleet.authz.check import Actor, Subject, can
from fleet.db.engine import READS
from fleet.errors import FleetError, Problem
from fleet.extensions import db
from fleet.web.addresses import parts
from fleet.web.context import maybe_actor, runtime
from fleet.web.csrf import OutOfDate


@dataclass(frozen=True, slots=True)
class NavItem:
    """An entry of the rail; shown to those who may do `action` to `subject`."""

    label: str
    endpoint: str
    icon: str
    action: str
    subject: Subject
    also: tuple[str, ...] = ()
    """Other features whose pages belong here."""


Navigation = Sequence[tuple[str, Sequence[NavItem]]]
"""Groups of the rail: title and entries."""


def is_htmx() -> bool:
    """Whether htmx asks (and not a browser that opens the page)."""
    return request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers


def context() -> dict[str, Any]:
    """What every template knows."""
    actor = maybe_actor()
    return {
        "actor": actor,
        "can": lambda action, subject: can(actor, action, subject),
        "nav": _navigation(actor),
        "session_seconds": int((actor.until - clock.now()).total_seconds()) if actor and actor.until else None,
        "shortcuts": request.cookies.get("shortcuts") != "off",
        "theme": request.cookies.get("theme") if request.cookies.get("theme") in ("light", "dark") else "",
        "version": VERSION,
    }


def _navigation(actor: Actor | None) -> list[dict[str, Any]]:
    groups = []
    feature = (request.blueprint or "").partition(".")[0]
    for title, items in runtime().navigation if actor else ():
        shown = [
            {
                "label": item.label,
                "href": url_for(item.endpoint),
                "icon": item.icon,
                "current": feature in (item.endpoint.partition(".")[0], *item.also),
            }
            for item in items
            if can(actor, item.action, item.subject)
        ]
        if shown:
            groups.append({"title": title, "items": shown})
    return groups


def render(template: str, *, block: str | None = None, **values: Any) -> str:
    """A page; to htmx only the `block` that is named like the element it replaces, and that is told that it is `alone`,
    or the dialog."""
    if is_htmx():
        target = request.headers.get("HX-Target", "")
        if target == "dlg":
            return render_block(template, "dialog", **values)
        if block is not None and target == block:
            return render_block(template, block, alone=True, **values)
    return render_template(template, **values)


def problems_by_field(refused: FleetError) -> dict[str, list[str]]:
    """The reasons of an error by field, for a form that is shown again."""
    by_field: dict[str, list[str]] = {}
    for problem in refused.problems:
        by_field.setdefault(problem.name, []).append(problem.reason)
    return by_field


def go_to(endpoint: str, message: str = "", **values: Any) -> AnyResponse:
    """After a form that was accepted: on to a page, with a message there."""
    return go_to_url(url_for(endpoint, **values), message)


def go_to_url(url: str, message: str = "") -> AnyResponse:
    """The same for a path of this server."""
    if message:
        flash(message, "success")
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def done(message: str, endpoint: str, **values: Any) -> AnyResponse:
    """After a dialog that was accepted: close it and refresh the results; without script, go to the page."""
    if not is_htmx():
        return go_to(endpoint, message, **values)
    trigger = {"toast": {"kind": "success", "text": message}, "close-dialog": True, "refresh": "results"}
    return Response(status=204, headers={"HX-Trigger": json.dumps(trigger)})


def this_page() -> str:
    """The address of this request, as a path of this server."""
    return request.script_root + request.full_path.rstrip("?")


def came_from(default: str) -> str:
    """The page that sent this form, as a path of this server; `default` when the browser does not say."""
    page = parts(request.referrer or "")
    path = page.path + ("?" + page.query if page.query else "")
    return own_path(path if page.netloc == request.host else None, default)


def own_path(candidate: str | None, default: str) -> str:
    """A path of this server that a link may lead to; anything that leaves it becomes `default`."""
    if not candidate or not candidate.startswith("/") or candidate.startswith(("//", "/\\")):
        return default
    split = parts(candidate)
    if split.scheme or split.netloc or any(ord(c) < 32 or c == "\\" for c in candidate):
        return default
    return candidate


def go_elsewhere(actor: Actor | None) -> AnyResponse | None:
    """Where somebody has to go before seeing any page, if anywhere."""
    if actor is None:
        here = this_page() if request.method == "GET" else came_from(url_for("dashboard.index"))
        login = url_for("accounts.login") + "?next=" + quote(here, safe="/")
        if is_htmx():
            return Response(status=401, headers={"HX-Redirect": login})
        return redirect(login, 302)
    gate = _gate(actor)
    if gate is None:
        return None
    return Response(status=401, headers={"HX-Redirect": gate}) if is_htmx() else redirect(gate, 302)


def _gate(actor: Actor) -> str | None:
    if actor.must_reset_password:
        return url_for("accounts.reset")
    if actor.api_only:
        return url_for("accounts.api_only")
    if actor.global_role is None and not actor.team_roles:
        return url_for("accounts.denied")
    return None


def _recognized() -> Actor | None:
    """Who asks for an address that no door guards: people who are signed in keep their rail."""
    session = db.session()
    try:
        session.connection(execution_options=READS)
        actor = runtime().from_cookie(session)
    finally:
        session.rollback()
    return actor if actor is not None and _gate(actor) is None else None


def error_page(error: FleetError, reference: str) -> Response:
    """An error as a page, or as a toast for htmx."""
    if is_htmx():
        text = error.problems[0].reason if error.problems else error.message
        trigger: dict[str, Any] = {"toast": {"kind": "error", "text": text}}
        if isinstance(error, OutOfDate):
            trigger["csrf"] = generate_csrf()
        return Response(status=error.status, headers={"HX-Trigger": json.dumps(trigger), **error.headers})
    g.asked = True
    out_of_date = isinstance(error, OutOfDate)
    if "actor" not in g and (out_of_date or error.status in (404, 405)):
        g.actor = _recognized()
    problems: list[Problem] = error.problems
    page = render_template(
        "errors/error.html", status=error.status, error=error, error_problems=problems, reference=reference,
        again=this_page() if request.method == "GET" else came_from(url_for("dashboard.home")),
        out_of_date=out_of_date,
    )  # fmt: skip
    response = make_response(page, error.status)
    response.headers.extend(error.headers)
    return response
