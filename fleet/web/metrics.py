"""What Prometheus reads at /metrics: requests by route, and the agents' plane."""

import hmac
import time
from collections.abc import Callable, Iterable, Iterator

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from fleet.web.context import client_address, network_of, runtime
from fleet.web.limits import LOGIN_PER_NETWORK

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

REQUESTS = Counter("fleet_http_requests_total", "Requests to the API and pages", ["route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "fleet_http_request_duration_seconds", "Time to answer the API and pages", ["route"], registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
NODES = Gauge("fleet_nodes_in_memory", "Hosts that this process knows without the database", registry=REGISTRY)

Counts = Callable[[], Iterable[tuple[str, int, int]]]
"""Routes, statuses, and how often."""


class AgentRequests(Collector):
    """Requests of agents, as their door counts them: a counter of the library's costs as much as the answer."""

    def __init__(self) -> None:
        self.counts: Counts = lambda: ()

    def collect(self) -> Iterator[Metric]:
        """One sample for each route and status."""
        family = CounterMetricFamily("fleet_agent_requests", "Requests of agents", labels=["path", "status"])
        for path, status, count in self.counts():
            family.add_metric([path, str(status)], count)
        yield family


_AGENTS = AgentRequests()
REGISTRY.register(_AGENTS)


def count_agents(counts: Counts) -> None:
    """Say where the requests of agents are counted."""
    _AGENTS.counts = counts


def install(app: Flask) -> None:
    """Count every request; serve /metrics when the settings say to whom."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(route, response.status_code).inc()
        if "started" in g:
            SECONDS.labels(route).observe(time.perf_counter() - g.started)
        return response

    config = app.extensions["fleet"].settings.prometheus
    if config.basic_auth_disable or (config.basic_auth_username and config.basic_auth_password.get_secret_value()):
        app.add_url_rule("/metrics", "metrics", metrics)


def metrics() -> Response:
    """The figures, to whoever has the password; wrong ones are counted by network."""
    config = runtime().settings.prometheus
    given = request.authorization
    if not config.basic_auth_disable:
        tries = LOGIN_PER_NETWORK, "metrics", network_of(client_address())
        runtime().limits.check(*tries)
        right = (given.username if given else "") or "", (given.password if given else "") or ""
        wanted = config.basic_auth_username, config.basic_auth_password.get_secret_value()
        if not hmac.compare_digest("\0".join(right).encode(), "\0".join(wanted).encode()):
            runtime().limits.count(*tries)
            challenge = {"WWW-Authenticate": 'Basic realm="restricted", charset="UTF-8"'}
            return Response("Unauthorized\n", 401, challenge, content_type="text/plain; charset=utf-8")
    return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
