"""The first run on the wire."""

import re
from typing import Any
from urllib.parse import urlsplit

from fleet.accounts import passwords
from fleet.errors import Problem
from fleet.shapes import Body, Out

EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")
LONGEST = 255


class NewAdmin(Body):
    """The first user. Role and teams are not the sender's to say."""

    name: str | None = None
    email: str = ""
    password: str = ""
    position: str = ""


class NewOrganization(Body):
    """The organization."""

    org_name: str = ""
    org_logo_url: str = ""


class Setup(Body):
    """Everything that an empty instance needs to know."""

    admin: NewAdmin | None = None
    org_info: NewOrganization = NewOrganization()
    server_url: str = ""


class OrganizationOut(Out):
    """The organization, as the answer to setup shows it."""

    org_name: str
    org_logo_url: str
    org_logo_url_light_background: str = ""
    contact_url: str = ""


class SetupOut(Out):
    """The answer: the admin, and a token to go on with."""

    admin: dict[str, Any]
    org_info: OrganizationOut
    server_url: str
    osquery_enroll_secret: None = None
    token: str


def server_problems(server_url: str) -> list[Problem]:
    """What is wrong with the address at which hosts and people reach the server."""
    if not server_url:
        return [
            Problem("server_url", "missing required argument"),
            Problem("server_url", "url scheme must be https"),
        ]
    if len(server_url) > LONGEST or re.search(r"[\s\x00-\x1f\x7f]", server_url):
        return [Problem("server_url", "must be an address such as https://fleet.example.com")]
    try:
        parts = urlsplit(server_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return [Problem("server_url", "must be an address such as https://fleet.example.com")]
    if parts.scheme != "https" and not (parts.scheme == "http" and "localhost" in host):
        return [Problem("server_url", "url scheme must be https")]
    if not host or "@" in parts.netloc:
        return [Problem("server_url", "must be an address such as https://fleet.example.com")]
    return []


def admin_problems(admin: NewAdmin | None) -> list[Problem]:
    """What is wrong with the first user."""
    if admin is None:
        return [Problem("admin", "setup request must provide admin")]
    found = []
    if admin.name is None:
        found.append(Problem("name", "Full name missing required argument"))
    elif not admin.name.strip():
        found.append(Problem("name", "Full name cannot be empty"))
    elif len(admin.name) > LONGEST:
        found.append(Problem("name", f"must not be longer than {LONGEST} characters"))
    if not admin.email:
        found.append(Problem("email", "admin email cannot be empty"))
    elif len(admin.email) > LONGEST or not EMAIL.fullmatch(admin.email.strip()):
        found.append(Problem("email", "Email is invalid"))
    weak = passwords.problem(admin.password)
    if not admin.password:
        found.append(Problem("password", "admin password cannot be empty"))
    elif weak is not None:
        found.append(weak)
    if len(admin.position) > LONGEST:
        found.append(Problem("position", f"must not be longer than {LONGEST} characters"))
    return found


def organization_problems(organization: NewOrganization) -> list[Problem]:
    """What is wrong with the organization."""
    found = []
    if len(organization.org_name) > LONGEST:
        found.append(Problem("org_name", f"must not be longer than {LONGEST} characters"))
    if organization.org_logo_url and not _is_web_address(organization.org_logo_url):
        found.append(Problem("org_logo_url", "must be an address such as https://example.com/logo.png"))
    return found


def _is_web_address(text: str) -> bool:
    if len(text) > 1024 or re.search(r"[\s\x00-\x1f\x7f;,]", text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def wizard_address(server_url: str) -> list[Problem]:
    """The same for people who type it: always https, and no path."""
    found = server_problems(server_url)
    if found:
        return found[:1]
    parts = urlsplit(server_url)
    if parts.scheme != "https":
        return [Problem("server_url", "url scheme must be https")]
    if parts.path.rstrip("/") or parts.query or parts.fragment:
        return [Problem("server_url", "must be an address without a path, such as https://fleet.example.com")]
    return []
