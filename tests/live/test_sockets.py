"""What is said on the WebSockets of live queries, over a real server."""

import json
import time

import pytest
from flask import Flask
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from websocket import WebSocketBadStatusException

from fleet import clock
from fleet.accounts import credentials
from fleet.accounts.models import User, UserSession
from fleet.hosts.models import HostSeen
from fleet.live import conversation
from fleet.live.models import Campaign, CampaignStatus
from fleet.queries.models import Query
from fleet.runtime import Runtime
from tests.conftest import Client, client_of
from tests.live.conftest import RAW, Talk, answer, run, wait


def status_of(session: Session, campaign_id: int) -> int:
    session.rollback()
    status = session.scalar(select(Campaign.status).where(Campaign.id == campaign_id))
    session.rollback()
    return status or 0


def test_totals_then_status_then_results_then_finished(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "STATUS_EVERY", 600)  # nothing here waits for the next one
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    assert talk.hear() == ("totals", {"count": 3, "online": 2, "offline": 1, "missing_in_action": 1})
    assert talk.hear() == ("status", {"expected_results": 2, "actual_results": 0, "status": "pending"})
    assert answer(runtime, campaign_id, hosts[0], "alpha")
    assert talk.hear() == (
        "result",
        {
            "distributed_query_execution_id": campaign_id,
            "host": {"id": hosts[0], "hostname": "alpha", "display_name": "Alpha"},
            "rows": [{"a": "1", "host_hostname": "alpha", "host_display_name": "Alpha"}],
        },
    )
    assert answer(runtime, campaign_id, hosts[1], "beta", rows=[], error="no such table: x")
    kind, data = talk.hear()
    assert (kind, data["rows"], data["error"]) == ("result", [], "no such table: x")
    assert talk.hear() == ("status", {"expected_results": 2, "actual_results": 2, "status": "finished"})


def test_what_is_finished_stays_so_whoever_answers_or_comes_online_then(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conversation.STATUS_EVERY <= 5, "fleetctl leaves with a status"
    monkeypatch.setattr(conversation, "STATUS_EVERY", 0.1)
    campaign_id = run(admin, hosts[1:])
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    assert answer(runtime, campaign_id, hosts[1])
    assert talk.hear()[0] == "result"
    assert talk.hear() == ("status", {"expected_results": 1, "actual_results": 1, "status": "finished"})
    session.execute(update(HostSeen).values(seen_at=clock.now()))
    session.commit()
    assert talk.hear() == ("totals", {"count": 2, "online": 2, "offline": 0, "missing_in_action": 0})
    assert talk.hear() == ("status", {"expected_results": 2, "actual_results": 1, "status": "finished"})
    assert answer(runtime, campaign_id, hosts[2])
    assert talk.hear()[0] == "result"
    assert talk.hear() == ("status", {"expected_results": 2, "actual_results": 2, "status": "finished"})


def test_a_row_arrives_without_waiting_for_the_next_look(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "LOOK_SECONDS", 60)
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    for host_id in hosts[:2]:
        answer(runtime, campaign_id, host_id)
        assert talk.hear(10)[0] == "result"
    talk.socket.shutdown()
    answer(runtime, campaign_id, hosts[2])  # wakes it: so it sees who has left


def test_a_flood_of_results_comes_through_in_order(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "IN_A_ROW", 2)
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    for number in range(20):
        assert answer(runtime, campaign_id, hosts[0], rows=[{"n": str(number)}])
    heard: list[int] = []
    while len(heard) < 20:
        kind, data = talk.hear()
        heard += [int(data["rows"][0]["n"])] if kind == "result" else []
    assert heard == list(range(20))


def test_with_nobody_online_it_is_finished_at_once(admin: Client, address: str, hosts: list[int]) -> None:
    talk = Talk(address)
    talk.select(admin.token or "", run(admin, hosts[2:]))
    assert talk.hear() == ("totals", {"count": 1, "online": 0, "offline": 1, "missing_in_action": 1})
    assert talk.hear() == ("status", {"expected_results": 0, "actual_results": 0, "status": "finished"})


def test_markup_in_results_travels_as_it_is(admin: Client, address: str, hosts: list[int], runtime: Runtime) -> None:
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    nasty = {"<b>\u2028": "<img src=x onerror=alert(1)>", "'": "\u0001 &amp; é"}
    answer(runtime, campaign_id, hosts[0], "</script>", rows=[nasty])
    data = talk.hear()[1]
    assert {key: data["rows"][0][key] for key in nasty} == nasty
    assert data["host"]["hostname"] == "</script>"


@pytest.mark.parametrize("goodbye", ["close", "cut"])
def test_the_campaign_ends_with_its_socket(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, session: Session, goodbye: str
) -> None:
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear()
    wait(lambda: status_of(session, campaign_id) == CampaignStatus.RUNNING)
    talk.socket.close() if goodbye == "close" else talk.socket.shutdown()
    wait(lambda: status_of(session, campaign_id) == CampaignStatus.COMPLETE)
    wait(lambda: not runtime.live.due(hosts[0]))
    assert not answer(runtime, campaign_id, hosts[0]), "nobody reads any more"


def test_an_ended_campaign_can_be_read_again_but_asks_nobody(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, session: Session
) -> None:
    campaign_id = run(admin, hosts)
    first = Talk(address)
    first.select(admin.token or "", campaign_id)
    first.hear()
    first.socket.close()
    wait(lambda: status_of(session, campaign_id) == CampaignStatus.COMPLETE)
    second = Talk(address)
    second.select(admin.token or "", campaign_id)
    assert second.hear()[0] == "totals"
    assert second.hear()[1]["status"] == "pending"
    wait(lambda: not runtime.live.due(hosts[0]))
    assert answer(runtime, campaign_id, hosts[0])
    assert second.hear()[0] == "result"


def test_two_readers_each_get_every_message(admin: Client, address: str, hosts: list[int], runtime: Runtime) -> None:
    campaign_id = run(admin, hosts)
    talks = [Talk(address), Talk(address)]
    for talk in talks:
        talk.select(admin.token or "", campaign_id)
        talk.hear(), talk.hear()
    answer(runtime, campaign_id, hosts[0])
    assert [talk.hear()[0] for talk in talks] == ["result", "result"]


def test_no_connection_of_the_pool_is_held_while_a_socket_waits(
    admin: Client, address: str, hosts: list[int], runtime: Runtime
) -> None:
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    pool = runtime.engine.pool
    wait(lambda: pool.checkedout() == 0)  # type: ignore[attr-defined]


FIRST_MESSAGES = [
    "not json",
    "[]",
    "1",
    '"auth"',
    "null",
    "{}",
    '{"type": "auth"}',
    '{"type": "auth", "data": null}',
    '{"type": "auth", "data": "x"}',
    '{"type": "auth", "data": {"token": 7}}',
    '{"type": "auth", "data": {}}',
    '{"type": ["auth"], "data": {"token": "x"}}',
    '{"type": "select_campaign", "data": {"campaign_id": 9}}',
    "[" * 5000,
    '{"type": "auth", "data": {"token": "\\ud800"}}',
]


@pytest.mark.parametrize("first", FIRST_MESSAGES)
def test_whoever_does_not_say_who_they_are_is_sent_away(anonymous: Client, address: str, first: str) -> None:
    talk = Talk(address)
    talk.socket.send(first)
    assert talk.closed() == 1000


@pytest.mark.parametrize("token", ["nope", "", "a" * 10_000, "\x00", "ws1.", "ws1.eyJ", "é"])
def test_a_bad_token_is_unauthorized(anonymous: Client, address: str, token: str) -> None:
    talk = Talk(address)
    talk.say("auth", {"token": token})
    assert talk.hear() == ("error", "unauthorized")
    assert talk.closed() == 1000


def test_whoever_must_set_a_new_password_is_unauthorized(
    admin: Client, address: str, hosts: list[int], session: Session
) -> None:
    campaign_id = run(admin, hosts)
    session.execute(update(User).values(force_password_reset=True))
    session.commit()
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    assert talk.hear() == ("error", "unauthorized")
    assert talk.closed() == 1000


def test_to_read_is_no_use_of_the_session(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, session: Session
) -> None:
    campaign_id = run(admin, hosts)
    session.execute(update(UserSession).values(accessed_at=clock.now() - 2 * credentials.TOUCH_EVERY))
    session.commit()
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    assert talk.hear()[0] == "totals"
    assert runtime.batch.last(credentials.USED, session.scalars(select(UserSession.id)).one()) is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("nonsense", "error reading select_campaign"),
        ("[1]", "error reading select_campaign"),
        ('{"type": "nope", "data": {}}', "expected select_campaign"),
        ('{"type": "select_campaign"}', "error unmarshaling select_campaign data"),
        ('{"type": "select_campaign", "data": [1]}', "error unmarshaling select_campaign data"),
        ('{"type": "select_campaign", "data": {"campaign_id": "7"}}', "error unmarshaling select_campaign data"),
        ('{"type": "select_campaign", "data": {"campaign_id": -1}}', "error unmarshaling select_campaign data"),
        ('{"type": "select_campaign", "data": {"campaign_id": 1.5}}', "error unmarshaling select_campaign data"),
        ('{"type": "select_campaign", "data": {"campaign_id": true}}', "error unmarshaling select_campaign data"),
        ('{"type": "select_campaign", "data": {"campaign_id": 0}}', "0 is not a valid campaign ID"),
        ('{"type": "select_campaign", "data": {}}', "0 is not a valid campaign ID"),
        ('{"type": "select_campaign", "data": {"campaign_id": 9999}}', "cannot find campaign for ID 9999"),
        (
            '{"type": "select_campaign", "data": {"campaign_id": 18446744073709551615}}',
            "cannot find campaign for ID 18446744073709551615",
        ),
    ],
)
def test_a_wrong_choice_is_named_and_ends_it(admin: Client, address: str, message: str, reason: str) -> None:
    talk = Talk(address)
    talk.say("auth", {"token": admin.token})
    talk.socket.send(message)
    assert talk.hear() == ("error", reason)
    assert talk.closed() == 1000


def test_only_who_started_a_campaign_may_read_it(
    app: Flask, admin: Client, address: str, hosts: list[int], session: Session
) -> None:
    campaign_id = run(admin, hosts)
    for client in (client_of(app, global_role="admin"), client_of(app, global_role="gitops")):
        talk = Talk(address)
        talk.select(client.token or "", campaign_id)
        assert talk.hear() == ("error", "forbidden")
        assert talk.closed() == 1000
    assert status_of(session, campaign_id) == CampaignStatus.WAITING


def test_a_signed_out_user_is_noticed(
    admin: Client, address: str, hosts: list[int], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "CHECK_EVERY", 0.5)
    talk = Talk(address)
    talk.select(admin.token or "", run(admin, hosts))
    talk.hear(), talk.hear()
    session.query(UserSession).delete()
    session.commit()
    assert talk.closed() == 4401


def test_a_query_that_is_deleted_meanwhile_ends_its_run(
    admin: Client, address: str, hosts: list[int], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "STATUS_EVERY", 0.1)
    talk = Talk(address)
    talk.select(admin.token or "", run(admin, hosts))
    talk.hear(), talk.hear()
    session.execute(delete(Query))
    session.commit()
    assert talk.hear() == ("error", "error retrieving target counts")
    assert talk.closed() == 1000


def test_another_sites_page_is_refused_before_the_upgrade(anonymous: Client, address: str) -> None:
    for path in (RAW, "/api/v1/fleet/results/123/abc/websocket"):
        with pytest.raises(WebSocketBadStatusException) as refused:
            Talk(address, path, origin="https://evil.example")
        assert refused.value.status_code == 403
        assert refused.value.resp_body == b"Forbidden\n"


@pytest.mark.parametrize("version", ["v1", "2022-04", "latest"])
def test_the_own_origin_or_none_is_welcome_under_every_version(anonymous: Client, address: str, version: str) -> None:
    path = f"/api/{version}/fleet/results/websocket"
    for options in ({"origin": f"http://{address}"}, {"suppress_origin": True}):
        talk = Talk(address, path, **options)
        talk.say("auth", {"token": "nope"})
        assert talk.hear() == ("error", "unauthorized")


def test_an_idle_socket_does_not_end_by_itself(
    admin: Client, address: str, hosts: list[int], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATUS_EVERY", "CHECK_EVERY", "AUTH_SECONDS"):
        monkeypatch.setattr(conversation, name, 0.2)
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    talk.say("anything", {"more": "is ignored"})
    talk.say("select_campaign", {"campaign_id": 0})
    assert talk.silent(1)
    answer(runtime, campaign_id, hosts[0])
    assert talk.hear()[0] == "result"


def test_frames_may_be_binary(admin: Client, address: str, hosts: list[int]) -> None:
    talk = Talk(address)
    for kind, data in (("auth", {"token": admin.token}), ("select_campaign", {"campaign_id": run(admin, hosts)})):
        talk.socket.send_binary(json.dumps({"type": kind, "data": data}).encode())
    assert talk.hear()[0] == "totals"


def test_whoever_loses_the_right_to_ask_reads_no_further(
    admin: Client, address: str, hosts: list[int], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "CHECK_EVERY", 0.3)
    talk = Talk(address)
    talk.select(admin.token or "", run(admin, hosts))
    talk.hear(), talk.hear()
    session.execute(update(User).values(global_role="gitops"))
    session.commit()
    assert talk.hear() == ("error", "forbidden")
    assert talk.closed() == 1000


def test_whoever_talks_all_the_time_still_gets_results(
    admin: Client, address: str, hosts: list[int], runtime: Runtime
) -> None:
    campaign_id = run(admin, hosts)
    talk = Talk(address)
    talk.select(admin.token or "", campaign_id)
    talk.hear(), talk.hear()
    for _ in range(1000):
        talk.say("more", {})
    answer(runtime, campaign_id, hosts[0])
    assert talk.hear()[0] == "result"


@pytest.mark.parametrize("path", [RAW, "/api/v1/fleet/results/1/x/websocket"])
def test_whoever_does_not_say_who_they_are_holds_no_place(
    anonymous: Client, address: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    assert conversation.AUTH_SECONDS <= 10
    monkeypatch.setattr(conversation, "AUTH_SECONDS", 0.3)
    began = time.monotonic()
    talk = Talk(address, path)
    if path != RAW:
        assert talk.socket.recv() == "o"
        talk.socket.send("[]")
        assert talk.socket.recv() == 'c[0,"none"]'
    assert talk.closed() == 1000
    assert time.monotonic() - began < 5


def test_whoever_chooses_no_campaign_holds_no_place(
    admin: Client, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "AUTH_SECONDS", 0.3)
    talk = Talk(address)
    talk.say("auth", {"token": admin.token})
    assert talk.hear() == ("error", "error reading select_campaign")
    assert talk.closed() == 1000
