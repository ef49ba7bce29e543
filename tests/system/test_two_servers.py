"""Two server processes over one PostgreSQL and one Redis work as one."""

import signal
import threading
import time
from typing import Any

from sqlalchemy import text

from tests.system.conftest import EMAIL, PASSWORD, REST_PERIOD, START, Host, Server, Site, Stream, setup_of, wait


def statuses(site: Site, campaign_id: int) -> int:
    with site.engine.connect() as connection:
        statement = text("SELECT status FROM distributed_query_campaigns WHERE id = :id")
        return int(connection.execute(statement, {"id": campaign_id}).scalar_one())


def test_what_is_set_up_at_one_is_set_up_at_the_other(site: Site) -> None:
    assert site.two.call("POST", "/api/v1/setup", setup_of("eve@example.com")).status_code == 404
    assert site.get(site.two, "/me")["user"]["email"] == EMAIL
    assert site.get(site.two, "/config")["org_info"]["org_name"] == "Analytical Engines"
    assert site.two.agent("config", {"node_key": "x"}).json()["node_invalid"] is True


def test_a_session_begun_at_one_holds_at_the_other_until_it_is_ended_at_either(site: Site) -> None:
    token = site.one.call("POST", "/login", {"email": EMAIL, "password": PASSWORD}).json()["token"]
    assert site.two.call("GET", "/me", token=token).status_code == 200
    assert site.one.call("POST", "/logout", token=token).status_code == 200
    assert site.two.call("GET", "/me", token=token).status_code == 401


def test_a_host_enrolled_at_one_is_known_at_the_other_at_once_and_its_old_key_is_not(site: Site) -> None:
    (host,) = site.hosts(1)
    assert "fleet_detail_query_uptime" not in host.read(site.two)
    host.config(site.two)
    old = host.node_key
    with site.engine.begin() as connection:  # past the cooldown of enrolling
        connection.execute(text("UPDATE hosts SET last_enrolled_at = '2020-01-01' WHERE id = :id"), {"id": host.id})
    host.enroll(site.one, site.secret)
    assert host.config(site.two)

    def refused() -> bool:
        return site.two.agent("config", {"node_key": old}).status_code == 401

    wait(refused)


def test_a_pack_and_a_scheduled_query_of_one_are_in_the_next_config_of_the_other(site: Site) -> None:
    (host,) = site.hosts(1)
    before = host.config(site.two)
    query = {"name": "uptime", "query": "SELECT * FROM uptime", "interval": 0}
    query_id = site.post(site.one, "/queries", query)["query"]["id"]
    pack_id = site.post(site.one, "/packs", {"name": "of one", "host_ids": [host.id]})["pack"]["id"]
    entry = {"pack_id": pack_id, "query_id": query_id, "interval": 60, "snapshot": True, "removed": False}
    site.post(site.one, "/packs/schedule", entry)
    site.post(
        site.one, "/queries", {"name": "for all", "query": "SELECT 2", "interval": 90, "automations_enabled": True}
    )

    def arrived() -> Any:
        packs = host.config(site.two).get("packs", {})
        return packs if "uptime" in packs.get("of one", {}).get("queries", {}) and "Global" in packs else None

    packs = wait(arrived)
    assert "of one" not in before.get("packs", {})
    assert packs["of one"]["queries"]["uptime"]["query"] == "SELECT * FROM uptime"
    assert packs["Global"]["queries"]["for all"]["interval"] == 90
    assert site.one.call("DELETE", f"/packs/id/{pack_id}", token=site.token).status_code == 200
    wait(lambda: "of one" not in host.config(site.two).get("packs", {}))


def test_a_live_query_of_one_is_answered_by_the_hosts_of_the_other_row_by_row(site: Site) -> None:
    hosts = site.hosts(5)
    campaign_id = site.ask(site.two, hosts)
    stream = Stream(site.two, site.token, campaign_id)
    assert stream.greeting == (
        ("totals", {"count": 5, "online": 5, "offline": 0, "missing_in_action": 0}),
        ("status", {"expected_results": 5, "actual_results": 0, "status": "pending"}),
    )
    for host in hosts[:4]:
        wait(lambda host=host: host.asked(site.one, campaign_id))
        deadline = host.reply(site.one, campaign_id)
        told = stream.result(deadline - time.monotonic())
        names = {"host_hostname": host.name, "host_display_name": host.name}
        assert told["host"] == {"id": host.id, "hostname": host.name, "display_name": host.name}
        assert told["rows"] == [{"told_by": host.name} | names]
        assert not host.asked(site.one, campaign_id)
        wait(lambda host=host: not host.asked(site.two, campaign_id))
    site.hosts(1)[0].reply(site.one, campaign_id)  # was never asked
    hosts[4].reply(site.one, campaign_id)
    assert stream.result()["host"]["id"] == hosts[4].id
    assert stream.hear() == ("status", {"expected_results": 5, "actual_results": 5, "status": "finished"})
    stream.close()


def test_a_live_query_stopped_at_one_is_asked_no_more_at_the_other_and_late_answers_are_let_go(site: Site) -> None:
    first, late, other = site.hosts(3)
    campaign_id = site.ask(site.two, [first, late])
    stream = Stream(site.two, site.token, campaign_id)
    wait(lambda: late.asked(site.one, campaign_id))
    first.reply(site.one, campaign_id)
    assert stream.result()["host"]["id"] == first.id
    stream.close()
    wait(lambda: not late.asked(site.one, campaign_id))
    assert not late.asked(site.two, campaign_id)
    next_id = site.ask(site.one, [late, other])
    stream = Stream(site.one, site.token, next_id)
    late.reply(site.one, campaign_id)
    other.reply(site.two, campaign_id)
    wait(lambda: other.asked(site.two, next_id))
    other.reply(site.two, next_id)
    assert stream.result()["distributed_query_execution_id"] == next_id
    assert statuses(site, campaign_id) == 2
    stream.close()


def test_a_synchronous_run_at_one_collects_what_hosts_tell_the_other(site: Site) -> None:
    hosts = site.hosts(3)
    query = site.post(site.one, "/queries", {"name": "to collect", "query": "SELECT 3"})["query"]
    stopped = threading.Event()

    def poll() -> None:
        while not stopped.wait(0.05):
            for host in hosts:
                for name, sql in host.read(site.one).items():
                    host.write(site.one, {name: [{"sql": sql, "told_by": host.name}]})

    polling = threading.Thread(target=poll)
    polling.start()
    try:
        body = {"query_ids": [query["id"]], "host_ids": [host.id for host in hosts]}
        began = time.monotonic()
        answer = site.two.call("GET", "/queries/run", body, site.token)
        assert time.monotonic() - began < REST_PERIOD / 2
    finally:
        stopped.set()
        polling.join()
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"] == {"targeted_host_count": 3, "responded_host_count": 3}
    (told,) = answer.json()["live_query_results"]
    assert {(one["host_id"], one["rows"][0]["told_by"], one["error"]) for one in told["results"]} == {
        (host.id, host.name, None) for host in hosts
    }


def test_what_the_clock_runs_is_run_by_one_of_them(site: Site) -> None:
    def runs() -> int:
        with site.engine.connect() as connection:
            statement = text("SELECT count(*) FROM cron_stats WHERE name = 'cleanups_then_aggregation'")
            return int(connection.execute(statement).scalar_one())

    wait(runs, START)
    before = runs()
    with site.engine.begin() as connection:  # as if the next hour had come
        connection.execute(text("UPDATE cron_jobs SET last_slot = 0"))
    wait(lambda: runs() > before, START)
    time.sleep(1.2)  # both have looked again
    assert runs() == before + 1


def test_a_live_query_outlives_the_end_of_redis_and_no_agent_is_told(site: Site) -> None:
    before, meanwhile, after, moves = site.hosts(4)
    campaign_id = site.ask(site.two, [before, meanwhile, after, moves])
    with site.engine.begin() as connection:  # so that an answer that nobody reads would end it
        connection.execute(text("UPDATE distributed_query_campaigns SET created_at = created_at - interval '1 hour'"))
    stream = Stream(site.two, site.token, campaign_id)
    wait(lambda: before.asked(site.one, campaign_id))
    before.reply(site.one, campaign_id)
    assert stream.result()["host"]["id"] == before.id
    site.redis.stop()
    for host in (before, meanwhile, after):
        host.config(site.one)
        host.read(site.two)
    meanwhile.reply(site.one, campaign_id)
    assert meanwhile.asked(site.one, campaign_id), "the answer could not be carried: it is asked for again"
    run = {"query": "SELECT 1", "selected": {"hosts": [after.id]}}
    assert site.two.call("POST", "/queries/run", run, site.token).status_code == 503
    assert site.two.call("POST", "/login", {"email": EMAIL, "password": PASSWORD}).status_code == 200
    site.redis.start()
    told = set()

    def answered(host: Host, server: Server) -> bool:
        if host.asked(server, campaign_id):
            host.reply(server, campaign_id)
            return False
        return True

    for host, server in ((meanwhile, site.one), (after, site.one), (moves, site.two)):
        wait(lambda host=host, server=server: answered(host, server), 8)
        told.add(stream.result()["host"]["id"])
    assert told == {meanwhile.id, after.id, moves.id}
    assert statuses(site, campaign_id) == 1
    stream.close()
    wait(lambda: statuses(site, campaign_id) == 2)

    next_id = site.ask(site.one, [before])
    stream = Stream(site.one, site.token, next_id)
    wait(lambda: before.asked(site.two, next_id))
    before.reply(site.two, next_id)
    assert stream.result()["host"]["id"] == before.id
    stream.close()


def test_when_one_is_killed_its_hosts_go_on_with_the_other_and_nothing_is_lost(site: Site) -> None:
    hosts = site.hosts(4)
    known = site.get(site.two, "/hosts/count")["count"]
    own = site.one.call("POST", "/login", {"email": EMAIL, "password": PASSWORD}).json()["token"]
    campaign_id = site.ask(site.two, hosts)
    stream = Stream(site.two, site.token, campaign_id)
    wait(lambda: hosts[0].asked(site.one, campaign_id))
    hosts[0].reply(site.one, campaign_id)
    assert stream.result()["host"]["id"] == hosts[0].id
    site.one.end(signal.SIGKILL)
    assert not hosts[0].asked(site.two, campaign_id)
    for host in hosts[1:3]:
        host.config(site.two)
        assert host.asked(site.two, campaign_id)
        deadline = host.reply(site.two, campaign_id)
        assert stream.result(deadline - time.monotonic())["host"]["id"] == host.id
    assert site.get(site.two, "/hosts/count")["count"] == known
    assert site.two.call("GET", "/me", token=own).status_code == 200

    site.one.start()  # and when it is back, it asks what still runs
    wait(site.one.answers, START)
    assert not hosts[0].asked(site.one, campaign_id)
    assert hosts[3].asked(site.one, campaign_id)
    hosts[3].reply(site.one, campaign_id)
    assert stream.result()["host"]["id"] == hosts[3].id
    assert stream.hear() == ("status", {"expected_results": 4, "actual_results": 4, "status": "finished"})
    stream.close()
