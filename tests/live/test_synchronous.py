"""Live queries whose answers are collected and given back at once."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.live import synchronous
from fleet.live.models import Campaign, CampaignStatus
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client, client_of
from tests.live.conftest import answer, run, wait

PERIOD = 120
"""Seconds; no test here waits for them."""


@pytest.fixture
def environment() -> dict[str, str]:
    return {"FLEET_LIVE_QUERY_REST_PERIOD": f"{PERIOD}s"}


@pytest.fixture(autouse=True)
def _nothing_waits_for_the_period() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < PERIOD


@contextmanager
def answers(runtime: Runtime, host_ids: list[int]) -> Iterator[None]:
    """Hosts that answer everything that they are asked meanwhile."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.01):
            for host_id in host_ids:
                for campaign_id in list(runtime.live.due(host_id)):
                    answer(runtime, campaign_id, host_id, rows=[{"pid": "1"}])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class TestPeriod:
    """A period that is over before every host has answered."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_LIVE_QUERY_REST_PERIOD": "2s"}

    def test_what_came_within_the_period_is_the_answer(
        self, admin: Client, session: Session, hosts: list[int], runtime: Runtime
    ) -> None:
        query_id = factories.make_query(session).id
        session.commit()
        with answers(runtime, hosts[:1]):
            response = admin.call("GET", "/queries/run", {"query_ids": [query_id], "host_ids": hosts[:2]})
        assert response.status_code == 200
        assert response.json == {
            "summary": {"targeted_host_count": 2, "responded_host_count": 1},
            "live_query_results": [
                {"query_id": query_id, "results": [{"host_id": hosts[0], "rows": [{"pid": "1"}], "error": None}]}
            ],
        }
        campaign_id, status = session.execute(select(Campaign.id, Campaign.status)).one()
        assert status == CampaignStatus.COMPLETE
        assert runtime.live.due(hosts[1]) == {}
        assert not answer(runtime, campaign_id, hosts[1]), "nobody reads any more"


def test_it_comes_back_as_soon_as_every_host_has_answered(
    admin: Client, session: Session, hosts: list[int], runtime: Runtime
) -> None:
    query_ids = [factories.make_query(session).id, factories.make_query(session).id]
    session.commit()
    with answers(runtime, hosts):
        response = admin.call("GET", "/queries/run", {"query_ids": query_ids, "host_ids": hosts})
    assert response.json["summary"] == {"targeted_host_count": 3, "responded_host_count": 3}
    results = {one["query_id"]: one["results"] for one in response.json["live_query_results"]}
    assert {one: sorted(row["host_id"] for row in rows) for one, rows in results.items()} == dict.fromkeys(
        query_ids, hosts
    )


def test_with_very_many_rows_nobody_else_is_waited_for(
    admin: Client, session: Session, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synchronous, "MOST", 2)  # a host's answer, and its row
    query_id = factories.make_query(session).id
    session.commit()
    with answers(runtime, hosts[:1]):
        response = admin.call("GET", "/queries/run", {"query_ids": [query_id], "host_ids": hosts})
    assert response.json["summary"] == {"targeted_host_count": 3, "responded_host_count": 1}


def test_queries_that_cannot_start_say_why_and_do_not_wait(app: Flask, session: Session, hosts: list[int]) -> None:
    query_id = factories.make_query(session).id
    session.commit()
    gitops = client_of(app, global_role="gitops")
    admin = client_of(app, global_role="admin")

    def errors(client: Client, **body: Any) -> list[str]:
        response = client.call("GET", "/queries/run", body)
        assert response.status_code == 200
        assert all(one["results"] is None for one in response.json["live_query_results"])
        return [one["error"] for one in response.json["live_query_results"]]

    assert errors(admin, query_ids=[999], host_ids=hosts) == [": Query 999 was not found in the datastore"]
    assert errors(admin, query_ids=[query_id], host_ids=[]) == ["no hosts targeted"]
    assert errors(admin, query_ids=[query_id, query_id], host_ids=[999]) == ["no hosts targeted"] * 2
    assert errors(gitops, query_ids=[query_id], host_ids=hosts) == ["forbidden"]


@pytest.mark.parametrize(
    "body", [{}, {"query_ids": []}, {"query_ids": None, "host_ids": [1]}, {"query_ids": ["1"]}, {"query_ids": 1}]
)
def test_a_synchronous_run_of_nothing_is_refused(admin: Client, body: Any) -> None:
    assert admin.call("GET", "/queries/run", body).status_code == 400


def test_a_synchronous_run_without_a_body_is_refused(admin: Client) -> None:
    response = admin.get("/queries/run")
    assert response.status_code == 400
    assert response.json["errors"][0]["reason"] == "Expected JSON Body"


def test_others_can_write_and_no_connection_is_held_while_hosts_are_awaited(
    app: Flask, admin: Client, session: Session, hosts: list[int], runtime: Runtime
) -> None:
    query_id = factories.make_query(session).id
    session.commit()
    waiting = threading.Thread(
        target=lambda: Client(app.test_client(), admin.token).call(
            "GET", "/queries/run", {"query_ids": [query_id], "host_ids": hosts}
        )
    )
    waiting.start()
    try:
        wait(lambda: bool(runtime.live.due(hosts[0])))
        run(admin, hosts)
        wait(lambda: runtime.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]
        assert waiting.is_alive()
        statuses = session.scalars(select(Campaign.status).order_by(Campaign.id)).all()
        assert statuses == [CampaignStatus.RUNNING, CampaignStatus.WAITING]
    finally:
        with answers(runtime, hosts):
            waiting.join()
