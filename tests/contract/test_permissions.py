"""Who may do what, against the table in permissions.csv: every rule, every route of the URL map, every role."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from fleet.accounts.models import UserSession
from fleet.authz.check import Actor, Thing, can
from fleet.authz.policy import POLICY, ROLES
from fleet.extensions import db
from fleet.web import doors
from tests import factories
from tests.conftest import Client, client_of

OWN, OTHER = 1, 2
"""Ids of the team that the actors with team roles are in, and of another one."""


class Row(NamedTuple):
    """A line of the table."""

    versions: str
    method: str
    route: str
    case: str
    auth: str
    kind: str
    action: str
    globally: str
    own_team: str
    any_team: str
    any_team_if_global: str
    oneself: str
    signed_in: str
    ours: str

    def grants(self, actor: Actor, *, team_id: int | None, oneself: bool) -> bool:
        """What the line says about this actor and a subject of this team."""
        in_team = set(actor.team_roles.values())
        return bool(
            self.signed_in
            or actor.global_role in self.globally.split()
            or (team_id is not None and actor.team_roles.get(team_id) in self.own_team.split())
            or in_team & set(self.any_team.split())
            or (team_id is None and in_team & set(self.any_team_if_global.split()))
            or (self.oneself and oneself)
        )


def rows() -> list[Row]:
    with (Path(__file__).parent / "permissions.csv").open(encoding="utf-8", newline="") as file:
        return [Row(*line) for line in list(csv.reader(file))[1:]]


RULES = [row for row in rows() if not row.method]
ROUTES = [row for row in rows() if row.method]

ME, SOMEBODY = 7, 8

ACTORS = [
    *(Actor(ME, role, "", global_role=role) for role in ROLES),
    *(Actor(ME, f"team {role}", "", team_roles={OWN: role}) for role in ROLES),
    Actor(ME, "nothing", ""),
]


# The rules


def test_the_policy_has_exactly_the_rules_of_the_table() -> None:
    assert set(POLICY) == {(row.kind, row.action) for row in RULES}


@pytest.mark.parametrize("row", RULES, ids=lambda row: f"{row.kind}-{row.action}")
def test_a_rule_grants_what_the_table_says(row: Row) -> None:
    for actor in ACTORS:
        for team_id in (None, OWN, OTHER):
            for owner in (ME, SOMEBODY):
                thing = Thing(row.kind, team_id=team_id, user_id=owner)
                wanted = row.grants(actor, team_id=team_id, oneself=owner == ME)
                assert can(actor, row.action, thing) is wanted, (actor.name, team_id, owner)


@pytest.mark.parametrize("row", RULES, ids=lambda row: f"{row.kind}-{row.action}")
def test_nobody_signed_in_may_nothing(row: Row) -> None:
    assert not can(None, row.action, Thing(row.kind, team_id=OWN, user_id=ME))


def test_a_rule_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(KeyError):
        can(ACTORS[0], "fly", Thing("host"))


# The routes


def normal(path: str) -> str:
    """A route without the names of its parts, so that either way of writing it is the same."""
    path = path.replace('<any("v1","2022-04","latest"):api_version>', "{ver}")
    path = re.sub(r"<any\([^)]*\):api_version>", "{ver}", path)
    path = path.replace("<any(teams,team):alias>", "teams")
    return re.sub(r"<[^>]+>|\{(?!ver\})[^}]+\}", "{}", path)


KNOWN = {(row.method, normal(row.route)) for row in ROUTES}


def api_rules(app: Flask) -> Iterator[tuple[str, Rule]]:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") and not rule.websocket:
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
                yield method, rule


def versions(rule: Rule) -> set[str]:
    found = re.search(r"<any\(([^)]*)\):api_version>", rule.rule)
    return {part.strip('"') for part in found.group(1).split(",")} if found else set()


def unknown_routes(app: Flask) -> list[str]:
    return [f"{method} {rule.rule}" for method, rule in api_rules(app) if (method, normal(rule.rule)) not in KNOWN]


EXEMPT = ("/fleet/results",)
"""Parts of paths whose credential comes later: the first frame of a WebSocket, or of its imitation."""


def test_every_route_of_the_api_has_a_line_and_a_door(app: Flask) -> None:
    strangers = [route for route in unknown_routes(app) if not any(part in route for part in EXEMPT)]
    assert not strangers, "\n".join(strangers)
    for method, rule in api_rules(app):
        if not any(part in rule.rule for part in EXEMPT):
            assert getattr(app.view_functions[rule.endpoint], "fleet_door", None) == "api", f"{method} {rule.rule}"


def test_every_page_has_a_door(app: Flask) -> None:
    free = {"metrics", "static", "status_api.healthz", "status_api.version"}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") and rule.endpoint not in free:
            assert getattr(app.view_functions[rule.endpoint], "fleet_door", None) in ("api", "page"), rule.rule


def test_routes_answer_under_the_versions_of_the_table(app: Flask) -> None:
    told: dict[tuple[str, str], set[str]] = {}
    for row in ROUTES:
        told.setdefault((row.method, normal(row.route)), set()).update(row.versions.split())
    served: dict[tuple[str, str], set[str]] = {}
    for method, rule in api_rules(app):
        served.setdefault((method, normal(rule.rule)), set()).update(versions(rule))
    wrong = {key: found for key, found in served.items() if key in told and found - told[key]}
    assert wrong == {}


def test_a_new_route_without_a_line_is_noticed(own_app: Flask) -> None:
    throwaway = doors.api("throwaway", __name__)
    throwaway.get("/brand_new")(dict)
    own_app.register_blueprint(throwaway)
    assert unknown_routes(own_app)[-1:] == ['GET /api/<any("v1","2022-04","latest"):api_version>/fleet/brand_new']


# Every implemented route, asked by every role

BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/{ver}/fleet/queries"): {"name": "A query", "query": "SELECT 1"},
    ("POST", "/api/{ver}/fleet/labels"): {"name": "A label", "query": "SELECT 1"},
    ("POST", "/api/{ver}/fleet/packs"): {"name": "A pack"},
    ("POST", "/api/{ver}/fleet/spec/enroll_secret"): {"spec": {"secrets": [{"secret": "one"}]}},
    ("POST", "/api/{ver}/fleet/spec/labels"): {"specs": [{"name": "A label", "query": "SELECT 1"}]},
    ("POST", "/api/{ver}/fleet/spec/queries"): {"specs": [{"name": "A query", "query": "SELECT 1"}]},
    ("POST", "/api/{ver}/fleet/spec/packs"): {"specs": [{"name": "A pack"}]},
}
"""What is sent where an empty object would be refused before the role counts."""

BY_HAND = {
    ("POST", "/api/{ver}/fleet/logout"),  # would end the session that asks
    ("GET", "/api/{ver}/fleet/queries/run"),  # 200 to everybody, and an error for each query
    ("POST", "/api/{ver}/fleet/queries/run"),  # depends on targets, too
    ("POST", "/api/{ver}/fleet/queries/run_by_names"),
    ("POST", "/api/{ver}/fleet/translate"),
    ("POST", "/api/{ver}/fleet/change_password"),  # works on oneself alone
    ("POST", "/api/{ver}/fleet/perform_required_password_reset"),
    ("GET", "/api/{ver}/fleet/me"),
}
"""Routes whose own tests say who may."""


def askable(app: Flask) -> Iterator[tuple[str, str, Row, int | None]]:
    """Method, path to call, line and team of each route that one question per role settles."""
    lines: dict[tuple[str, str], list[Row]] = {}
    for row in ROUTES:
        if row.auth == "user":
            lines.setdefault((row.method, normal(row.route)), []).append(row)
    seen = set()
    for method, rule in api_rules(app):
        key = (method, normal(rule.rule))
        if key in seen or len(lines.get(key, [])) != 1 or (method, lines[key][0].route) in BY_HAND:
            continue
        seen.add(key)
        [row] = lines[key]
        if row.ours and "404" not in row.ours:
            continue
        newest = row.versions.split()[-1] if row.versions else ""
        path = row.route.replace("{ver}", newest)
        for team_id in (OWN, OTHER) if "{team_id}" in path else (None,):
            yield method, path.replace("{team_id}", str(team_id)), row, team_id


def new_things(app: Flask) -> dict[str, tuple[int, str]]:
    """Id and name of something real for each word in a path; in no team, and of nobody who asks."""
    with app.app_context():
        session = db.session()
        user = factories.make_user(session)
        factories.sign_in(session, user)
        signed_in = session.scalars(select(UserSession.id).where(UserSession.user_id == user.id)).one()
        host, query = factories.make_host(session), factories.make_query(session)
        label, pack = factories.make_label(session), factories.make_pack(session)
        found = {
            "sessions/{": (signed_in, ""), "users": (user.id, ""), "hosts": (host.id, host.uuid),
            "labels": (label.id, label.name), "packs": (pack.id, pack.name), "queries": (query.id, query.name),
        }  # fmt: skip
        session.commit()
        return found


def filled(path: str, things: dict[str, tuple[int, str]]) -> str:
    """The path of something real; what is not made here keeps the id 1, and may be 404."""
    number, name = next((thing for word, thing in things.items() if word in path), (1, "1"))
    return re.sub(r"\{[^}]+\}", str(number), re.sub(r"\{(name|identifier)\}", quote(name), path))


FEWEST = 60
"""So many routes are asked at least: a filter above that lets none past would prove nothing."""

ASKING = [*((role, None) for role in ROLES), *((None, {OWN: role}) for role in ROLES)]


def test_each_route_lets_past_whom_the_table_names(app: Flask) -> None:
    with app.app_context():
        for _ in (OWN, OTHER):
            factories.make_team(db.session())
        db.session.commit()
    asking = []
    for role, teams in ASKING:
        client = client_of(app, global_role=role, team_roles=teams)
        asking.append((client, Actor(0, str(role or teams), "", global_role=role, team_roles=teams or {})))
    things, wrong, asked = new_things(app), [], list(askable(app))
    assert len(asked) >= FEWEST
    for method, path, row, team_id in asked:
        for client, actor in asking:
            if method == "DELETE":
                things = new_things(app)
            body = None if method == "GET" else BODIES.get((method, row.route), {})
            status = client.call(method, filled(path, things), body, version="").status_code
            wanted = row.grants(actor, team_id=team_id, oneself=False)
            # Whom a thing is hidden from, 404 refuses as well.
            if status == 500 or (status in (401, 403) if wanted else status not in (401, 403, 404)):
                wrong.append(f"{method} {path} as {actor.name}: {status}, wanted {'past' if wanted else 'refused'}")
        things = things if method == "GET" else new_things(app)
    assert not wrong, "\n".join(wrong)


def test_no_route_answers_without_a_token(app: Flask, anonymous: Client) -> None:
    things, asked = new_things(app), list(askable(app))
    assert len(asked) >= FEWEST
    for method, path, row, _ in asked:
        body = None if method == "GET" else BODIES.get((method, row.route), {})
        assert anonymous.call(method, filled(path, things), body, version="").status_code == 401, path
