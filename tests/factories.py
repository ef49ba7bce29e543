"""Rows for tests, as plain functions."""

import itertools
import re
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from fleet import clock, keys
from fleet.accounts.models import User, UserSession, UserTeam
from fleet.app_config import service as app_config
from fleet.app_config.schemas import AppConfig, OrgInfo, ServerSettings
from fleet.hosts.models import Host, HostSeen
from fleet.labels.models import ALL_HOSTS, Label, LabelMembership
from fleet.names import fold
from fleet.packs.models import Pack
from fleet.queries.models import Query
from fleet.teams.models import EnrollSecret, Team

_number = itertools.count(1)

PASSWORD = "correct-horse-battery-1"
SECRET = "test-enroll-secret"


def make_organization(session: Session) -> None:
    """An instance that is set up: an app config and a global enroll secret (once)."""
    if session.get(EnrollSecret, SECRET) is None:
        app_config.save(
            session,
            AppConfig(
                org_info=OrgInfo(org_name="Example"),
                server_settings=ServerSettings(server_url="https://localhost:8080"),
            ),
        )
        session.add(EnrollSecret(secret=SECRET))
        session.flush()


def make_user(
    session: Session,
    *,
    global_role: str | None = "admin",
    team_roles: dict[int, str] | None = None,
    **fields: Any,
) -> User:
    """A user; the password hash is unusable unless given (`fleet.accounts.passwords` makes real ones)."""
    number = next(_number)
    user = User(
        name=fields.pop("name", f"User {number}"),
        email=fields.pop("email", f"user{number}@example.com"),
        password_hash=fields.pop("password_hash", "!"),
        global_role=None if team_roles else global_role,
        **fields,
    )
    session.add(user)
    session.flush()
    session.add_all(
        UserTeam(user_id=user.id, team_id=team_id, role=role) for team_id, role in (team_roles or {}).items()
    )
    session.flush()
    return user


def sign_in(session: Session, user: User) -> str:
    """A session of the user; gives its key."""
    key = keys.random_key(64)
    session.add(UserSession(user_id=user.id, key_digest=keys.digest(key)))
    session.flush()
    return key


def make_team(session: Session, name: str | None = None, **fields: Any) -> Team:
    """A team."""
    name = name or f"Team {next(_number)}"
    team = Team(name=name, name_key=fold(name), **fields)
    session.add(team)
    session.flush()
    return team


def make_host(session: Session, *, node_key: str | None = None, online: bool = True, **fields: Any) -> Host:
    """A host that has told its details, in All Hosts."""
    number = next(_number)
    hostname = fields.pop("hostname", f"host-{number}")
    host = Host(
        osquery_host_id=fields.pop("osquery_host_id", f"id-{number}"),
        node_key_digest=keys.digest(node_key or f"node-key-{number}"),
        hostname=hostname,
        display_name=fields.pop("display_name", fields.get("computer_name") or hostname),
        uuid=fields.pop("uuid", f"uuid-{number}"),
        platform=fields.pop("platform", "ubuntu"),
        **{
            "detail_updated_at": clock.now(), "label_updated_at": clock.now(), "policy_updated_at": clock.now(),
            "refetch_requested": False, "distributed_interval": 10, "config_tls_refresh": 10,
        } | fields,
    )  # fmt: skip
    session.add(host)
    session.flush()
    session.add(LabelMembership(host_id=host.id, label_id=ALL_HOSTS))
    session.add(HostSeen(host_id=host.id, seen_at=clock.now() if online else clock.NEVER))
    session.flush()
    return host


def make_label(session: Session, name: str | None = None, *, hosts: list[Host] | None = None, **fields: Any) -> Label:
    """A label, with these hosts in it."""
    name = name or f"Label {next(_number)}"
    label = Label(name=name, name_key=fold(name), query=fields.pop("query", "SELECT 1"), **fields)
    session.add(label)
    session.flush()
    session.add_all(LabelMembership(host_id=host.id, label_id=label.id) for host in hosts or [])
    session.flush()
    return label


def make_query(session: Session, name: str | None = None, **fields: Any) -> Query:
    """A saved query."""
    name = name or f"Query {next(_number)}"
    query = Query(
        name=name,
        name_key=fold(name),
        query=fields.pop("query", "SELECT * FROM uptime"),
        team_key=fields.get("team_id") or 0,
        **fields,
    )
    session.add(query)
    session.flush()
    return query


def make_pack(session: Session, name: str | None = None, **fields: Any) -> Pack:
    """A pack without targets."""
    name = name or f"Pack {next(_number)}"
    pack = Pack(name=name, name_key=fold(name), **fields)
    session.add(pack)
    session.flush()
    return pack


def csrf_token(client: FlaskClient, path: str) -> str:
    """The token of the form on a page."""
    page = client.get(path).get_data(as_text=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"|name="csrf-token" content="([^"]+)"', page)
    assert found, f"{path} has no CSRF token"
    return found.group(1) or found.group(2)


def submit(client: FlaskClient, path: str, data: dict[str, Any], *, page: str | None = None) -> TestResponse:
    """Send a form as a browser does: the token of `page` (or `path`) goes with it."""
    return client.post(path, data={"csrf_token": csrf_token(client, page or path), **data})
