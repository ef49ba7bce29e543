"""What Prometheus reads, and who may read it."""

import pytest
from flask import Flask

from fleet.runtime import Runtime
from tests import factories
from tests.agents.conftest import Agent
from tests.conftest import Client

AUTH = ("prom", "prom-password-1")


@pytest.fixture
def environment() -> dict[str, str]:
    user, password = AUTH
    return {"FLEET_PROMETHEUS_BASIC_AUTH_USERNAME": user, "FLEET_PROMETHEUS_BASIC_AUTH_PASSWORD": password}


def read(app: Flask, auth: tuple[str, str] | None = AUTH) -> tuple[int, str]:
    answer = app.test_client().get("/metrics", auth=auth)
    return answer.status_code, answer.text


def sample(app: Flask, path: str, status: int) -> float:
    start = f'fleet_agent_requests_total{{path="{path}",status="{status}"}} '
    values = [line.removeprefix(start) for line in read(app)[1].splitlines() if line.startswith(start)]
    return float(values[0]) if values else 0.0


def test_requests_of_agents_are_counted_by_route_and_status(app: Flask, anonymous: Client, runtime: Runtime) -> None:
    agent = Agent(runtime.plane)
    assert agent.enroll(secret=factories.SECRET)[0] == 200
    agent.settle()
    for _ in range(3):
        agent.read()
    assert agent.at_once
    assert Agent(runtime.plane, "wrong").call("config")[0] == 401
    assert (sample(app, "enroll", 200), sample(app, "distributed/read", 200), sample(app, "config", 401)) == (1, 3, 1)
    assert "fleet_nodes_in_memory 1.0" in read(app)[1]


def test_requests_of_people_are_counted_and_timed_by_route(app: Flask, anonymous: Client) -> None:
    anonymous.get("/hosts/7")
    lines = [line for line in read(app)[1].splitlines() if "/hosts/<id:host_id>" in line]
    for sample in ("fleet_http_requests_total", "fleet_http_request_duration_seconds_count"):
        assert any(line.startswith(sample) for line in lines), lines
    assert any('status="401"' in line for line in lines)


@pytest.mark.parametrize("auth", [None, ("prom", "wrong"), ("", ""), ("x" * 10_000, "prom-password-1")])
def test_nobody_reads_them_without_the_password(app: Flask, anonymous: Client, auth: tuple[str, str] | None) -> None:
    status, text = read(app, auth)
    assert (status, text) == (401, "Unauthorized\n")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /////w==", "Bearer prom", "Basic cHJvbQ=="])
def test_what_is_no_password_at_all_is_refused_the_same_way(app: Flask, anonymous: Client, header: str) -> None:
    answer = anonymous.flask.get("/metrics", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="restricted", charset="UTF-8"'


def test_they_name_routes_and_no_addresses(app: Flask, anonymous: Client) -> None:
    anonymous.get("/sessions/471147")
    anonymous.flask.get("/no/such/page-471147")
    text = read(app)[1]
    assert 'route="none"' in text and "471147" not in text


class TestUnset:
    """Where no setting says who may read them."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {}

    def test_there_are_none(self, anonymous: Client) -> None:
        assert anonymous.flask.get("/metrics").status_code == 404


def test_passwords_cannot_be_tried_without_end(app: Flask, anonymous: Client) -> None:
    statuses = {read(app, ("prom", f"guess-{number}"))[0] for number in range(31)}
    assert statuses == {401, 429}
    assert read(app)[0] == 429, "nor does the right one say that it is"
