"""The pages of accounts: signing in and out, the notices on the way, and one's own profile."""

from flask import Response, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from fleet.accounts import credentials, service, sessions
from fleet.accounts import login as login_
from fleet.accounts.schemas import Credentials, NewPassword, OwnPassword, OwnPasswordChange
from fleet.authz.check import Actor, Thing
from fleet.errors import FleetError, Invalid, NotFound, TooManyRequests, Unauthenticated
from fleet.extensions import db
from fleet.web import cookies, doors
from fleet.web.context import anyone, authorize, current_actor, maybe_actor, settings
from fleet.web.pages import came_from, done, go_elsewhere, go_to, go_to_url, own_path, problems_by_field, render
from fleet.web.parsing import parse_form

pages = doors.pages("accounts", __name__)

STATUS = {
    "account_disabled": "Single sign-on is not switched on for your account. Sign in with your password.",
    "account_invalid": "There is no account for the address that your identity provider gave. Ask an admin for one.",
    "org_disabled": "Single sign-on is switched off in this organization.",
    "error": "Signing in through your identity provider failed. Try again, or ask an admin.",
    "reset": "Your password was changed. Sign in with the new one.",
    "ended": "You are signed out.",
}
"""What `/login?status=` says."""

WRONG = "The email address or the password is not right."

THEMES = ("light", "dark")
YEAR = 365 * 24 * 3600


@pages.get("/login", signed_out=True)
def login() -> ResponseReturnValue:
    """The form to sign in with; whoever is signed in goes on."""
    anyone()
    if maybe_actor() is not None:
        return go_elsewhere(maybe_actor()) or redirect(_next(), 302)
    return _login_form(notice=STATUS.get(request.args.get("status", ""), ""))


@pages.post("/login", signed_out=True)
def sign_in() -> ResponseReturnValue:
    """Sign in."""
    anyone()
    try:
        user, key = login_.sign_in(parse_form(Credentials))
    except (Unauthenticated, Invalid):
        return _login_form(refused=WRONG), 422
    except TooManyRequests as limited:
        wait = limited.headers["Retry-After"]
        text = f"Too many attempts. Try again in {wait} seconds."
        return make_response(_login_form(refused=text), 429, limited.headers)
    actor = credentials.actor_of(db.session(), key, extend=False)
    assert actor is not None, "the session was begun a moment ago"
    if actor.api_only or (actor.global_role is None and not actor.team_roles):
        sessions.end(db.session(), actor.session_id)
        return redirect(url_for("accounts.api_only" if actor.api_only else "accounts.denied"), 303)
    target = url_for("accounts.reset") if user.force_password_reset else _next()
    response = make_response(go_to_url(target))
    credentials.set_cookie(response, key)
    return response


def _next() -> str:
    sent = request.form if request.method == "POST" else request.args
    return own_path(sent.get("next"), url_for("dashboard.index"))


def _login_form(*, notice: str = "", refused: str = "") -> str:
    return render("auth/login.html", notice=notice, refused=refused, email=request.form.get("email", ""), next=_next())


@pages.get("/previewlogin", signed_out=True)
def preview_login() -> ResponseReturnValue:
    """Where `fleetctl preview` sends people."""
    anyone()
    return redirect(url_for("accounts.login"), 302)


@pages.get("/logout", signed_out=True)
def logout() -> ResponseReturnValue:
    """Asks whether to sign out, since a link alone must not do it."""
    anyone()
    return render("auth/logout.html") if maybe_actor() else redirect(url_for("accounts.login"), 302)


@pages.post("/logout", signed_out=True)
def sign_out() -> ResponseReturnValue:
    """Sign out: the session ends, not only its cookie."""
    anyone()
    actor = maybe_actor()
    if actor is not None:
        sessions.end(db.session(), actor.session_id)
    return _signed_out(go_to_url(url_for("accounts.login", status="ended")))


@pages.get("/login/denied", signed_out=True)
def denied() -> ResponseReturnValue:
    """For accounts without any role."""
    return _notice("denied")


@pages.get("/apionlyuser", signed_out=True)
def api_only() -> ResponseReturnValue:
    """For accounts that are for programs."""
    return _notice("api_only")


def _notice(kind: str) -> ResponseReturnValue:
    anyone()
    actor = maybe_actor()
    if actor is not None and go_elsewhere(actor) is None:  # a link alone must not sign anybody out
        return redirect(url_for("dashboard.index"), 302)
    return _signed_out(render("auth/notice.html", kind=kind))


def _signed_out(answer: ResponseReturnValue) -> Response:
    response = make_response(answer)
    credentials.clear_cookie(response)
    return response


@pages.get("/login/reset", signed_out=True)
def reset() -> ResponseReturnValue:
    """The form for a new password, for those who have to choose one."""
    anyone()
    actor = maybe_actor()
    if actor is None or not actor.must_reset_password:
        return redirect(url_for("accounts.login"), 302)
    return _reset_form(None)


@pages.post("/login/reset", signed_out=True)
def choose_password() -> ResponseReturnValue:
    """Choose the new password."""
    anyone()
    actor = maybe_actor()
    if actor is None or not actor.must_reset_password:
        return redirect(url_for("accounts.login"), 303)
    try:
        login_.reset_password(actor, parse_form(NewPassword).checked())
    except Invalid as refused:
        return _reset_form(refused), 422
    return go_to_url(url_for("dashboard.index"), "Your password was changed.")


def _reset_form(refused: FleetError | None) -> Response:
    problems = problems_by_field(refused) if refused else {}
    response = make_response(render("auth/reset.html", problems=problems))
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@pages.post("/theme", signed_out=True)
def keep_theme() -> ResponseReturnValue:
    """Keep the theme that was chosen, and go back."""
    anyone()
    response = make_response(redirect(came_from(url_for("dashboard.index")), 303))
    chosen = request.form.get("theme", "")
    if chosen in THEMES:
        cookies.keep(response, "theme", chosen, seconds=YEAR)
    else:
        cookies.drop(response, "theme")
    return response


@pages.post("/profile/shortcuts", reads=True)
def keep_shortcuts() -> ResponseReturnValue:
    """Switch keyboard shortcuts of a single key on or off, in this browser."""
    _me("read")
    off = request.form.get("shortcuts") == "off"
    response = make_response(go_to("accounts.profile", f"Keyboard shortcuts are {'off' if off else 'on'}."))
    if off:
        cookies.keep(response, "shortcuts", "off", seconds=YEAR)
    else:
        cookies.drop(response, "shortcuts")
    return response


def _me(action: str) -> Actor:
    actor = current_actor()
    authorize(action, Thing("user", user_id=actor.user_id))
    return actor


@pages.get("/profile")
def profile() -> str:
    """Who one is, and where one is signed in."""
    actor = _me("read")
    user = service.get(db.session(), actor.user_id)
    return render(
        "accounts/profile.html",
        user=user,
        teams=service.roles(db.session(), user.id),
        sessions=sessions.of_user(db.session(), user.id, settings().session.duration),
        current=actor.session_id,
        duration=settings().session.duration,
    )


@pages.get("/profile/password")
def password() -> str:
    """The form for a new password."""
    _me("change_password")
    return render("accounts/password.html", problems={})


@pages.post("/profile/password")
def change_password() -> ResponseReturnValue:
    """Choose a new password; every other session of one's own ends."""
    actor = _me("change_password")
    try:
        sent = parse_form(OwnPasswordChange)
        login_.change_password(actor, sent.old_password, NewPassword.checked(sent))
    except Invalid as refused:
        return render("accounts/password.html", block="dialog", problems=problems_by_field(refused)), 422
    except TooManyRequests as limited:
        return _limited("accounts/password.html", "old_password", limited)
    return done("Your password was changed; your other sessions have ended.", "accounts.profile")


@pages.get("/profile/token")
def token() -> str:
    """Asks for the password before it shows the token."""
    _me("read")
    return render("accounts/token.html", problems={}, key="")


@pages.post("/profile/token")
def reveal_token() -> ResponseReturnValue:
    """The key of this session, which the API takes as a bearer token."""
    actor = _me("read")
    stored = service.get(db.session(), actor.user_id).password_hash
    try:
        login_.check_password(actor, stored, parse_form(OwnPassword).password, "password")
    except Invalid as refused:
        return render("accounts/token.html", block="dialog", problems=problems_by_field(refused), key=""), 422
    except TooManyRequests as limited:
        return _limited("accounts/token.html", "password", limited)
    return render("accounts/token.html", block="dialog", problems={}, key=credentials.cookie_key() or "")


def _limited(template: str, field: str, limited: TooManyRequests) -> ResponseReturnValue:
    text = f"Too many attempts. Try again in {limited.headers['Retry-After']} seconds."
    refused: FleetError = Invalid(text, name=field)
    return render(template, block="dialog", problems=problems_by_field(refused), key=""), 422


@pages.post("/profile/sessions/<id:session_id>/end")
def end_session(session_id: int) -> ResponseReturnValue:
    """End one of one's own sessions."""
    actor = current_actor()
    row = sessions.get(db.session(), session_id)
    authorize("write", row)
    if row.user_id != actor.user_id:
        raise NotFound.of("Session", session_id)
    sessions.end(db.session(), row.id)
    if row.id != actor.session_id:
        return go_to("accounts.profile", "The session has ended.")
    response = make_response(go_to("accounts.login", status="ended"))
    credentials.clear_cookie(response)
    return response
