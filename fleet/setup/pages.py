"""The pages of setup: one form in four steps."""

from typing import Any

from flask import Response, make_response, request, url_for
from flask.typing import ResponseReturnValue

from fleet.accounts import credentials
from fleet.errors import FleetError, Invalid, NotFound, Problem
from fleet.setup import first_run
from fleet.setup.schemas import NewAdmin, NewOrganization, Setup, admin_problems, organization_problems, wizard_address
from fleet.web import doors
from fleet.web.context import anyone
from fleet.web.pages import go_to_url, problems_by_field, render
from fleet.web.parsing import parse_form

pages = doors.pages("setup", __name__)

STEPS = ("Admin", "Organisation", "Server address", "Review")

PLAIN_WORDS = {
    ("name", "Full name missing required argument"): "Enter a full name.",
    ("name", "Full name cannot be empty"): "Enter a full name.",
    ("email", "admin email cannot be empty"): "Enter an email address.",
    ("email", "Email is invalid"): "Enter an email address such as ada@example.com.",
    ("password", "admin password cannot be empty"): "Choose a password.",
    ("server_url", "missing required argument"): "Enter the address of this server.",
    ("server_url", "url scheme must be https"): "The address must begin with https://.",
}
"""What the API says of a field, and what the page says in its place; other reasons stand as they are."""


@pages.get("/setup", signed_out=True)
def wizard() -> str:
    """The form."""
    anyone()
    return _form({}, None)


@pages.post("/setup", signed_out=True)
def set_up() -> ResponseReturnValue:
    """Set the instance up, and sign its first admin in."""
    anyone()
    try:
        _, key = first_run.set_up(_sent())
    except (Invalid, NotFound) as refused:
        return _form(request.form.to_dict(), refused), 422
    response = make_response(go_to_url(url_for("dashboard.index"), "This server is set up. Next: add your hosts."))
    credentials.set_cookie(response, key)
    return response


@pages.post("/_/setup/check", signed_out=True, reads=True)
def check() -> ResponseReturnValue:
    """Whether one step is filled in right: 204 and the next step, or the step again with what is wrong."""
    anyone()
    step = request.args.get("step", "1")
    names = {"1": ("admin", ADMIN), "2": ("organization", ORGANIZATION), "3": ("server", ("server_url",))}
    block, fields = names.get(step, names["1"])
    wrong = [problem for problem in _problems(request.form.to_dict()) if problem.name in fields]
    if wrong:
        return _form(request.form.to_dict(), Invalid(wrong), block=block), 422
    return Response(status=204, headers={"HX-Trigger": f'{{"setup-step": {int(step) + 1 if step in names else 2}}}'})


ADMIN = ("name", "email", "password", "password_confirmation")
ORGANIZATION = ("org_name", "org_logo_url")


def _problems(form: dict[str, str]) -> list[Problem]:
    try:
        admin, organization = parse_form(NewAdmin, form), parse_form(NewOrganization, form)
        address = parse_form(Setup, {"server_url": form.get("server_url", "")}).server_url
    except Invalid as refused:
        return refused.problems
    found = [*admin_problems(admin), *organization_problems(organization), *wizard_address(address)]
    if admin.password != form.get("password_confirmation", ""):
        found.append(Problem("password_confirmation", "The two passwords are not the same."))
    return found


def _sent() -> Setup:
    form = request.form.to_dict()
    wrong = _problems(form)
    if wrong:
        raise Invalid(wrong)
    return Setup(
        admin=parse_form(NewAdmin, form),
        org_info=parse_form(NewOrganization, form),
        server_url=form["server_url"].rstrip("/"),
    )


def _form(form: dict[str, Any], refused: FleetError | None, block: str | None = None) -> str:
    values = {"server_url": f"https://{request.host}", **{key: form[key] for key in form if "password" not in key}}
    problems = {
        field: [PLAIN_WORDS.get((field, reason), reason) for reason in reasons]
        for field, reasons in (problems_by_field(refused) if refused else {}).items()
    }
    return render("auth/setup.html", block=block, values=values, problems=problems, step_names=STEPS)
