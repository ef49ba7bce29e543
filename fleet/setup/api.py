"""The JSON routes of setup."""

from fleet.accounts.schemas import UserOut
from fleet.setup import first_run
from fleet.setup.schemas import OrganizationOut, Setup, SetupOut
from fleet.web import doors
from fleet.web.context import anyone
from fleet.web.parsing import parse

api = doors.api("setup", __name__)

CAP = 64 * 1024
"""Bytes of a body."""


@api.post("/api/v1/setup", literal=True, cap=CAP)
def set_up() -> doors.Json:
    """Set the instance up."""
    return _set_up()


@api.post("/api/setup", literal=True, cap=CAP)
def set_up_unversioned() -> doors.Json:
    """The same under its older path."""
    return _set_up()


def _set_up() -> doors.Json:
    anyone()
    new = parse(Setup)
    user, token = first_run.set_up(new)
    organization = OrganizationOut(org_name=new.org_info.org_name, org_logo_url=new.org_info.org_logo_url)
    return SetupOut(
        admin=UserOut.of(user, [], new=True), org_info=organization, server_url=new.server_url, token=token
    ).model_dump()
