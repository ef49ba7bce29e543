"""Tickets: good for one campaign, one minute, one session, one origin."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from fleet.accounts.models import UserSession
from fleet.keys import digest
from fleet.live import tickets
from fleet.live.tickets import Ticket
from tests.conftest import Client, client_of
from tests.live.conftest import Talk, run


def issued(app: Flask, session: Session, client: Client, campaign_id: int) -> str:
    row = session.query(UserSession).filter_by(key_digest=digest(client.token or "")).one()
    ticket = Ticket(row.id, row.user_id, campaign_id)
    session.rollback()
    return tickets.issue(str(app.secret_key), ticket)


def knock(address: str, token: str, campaign_id: int, *, cookie: str | None, origin: str | None) -> tuple[str, object]:
    """What is said to somebody who comes with a ticket."""
    options = {"origin": origin} if origin else {"suppress_origin": True}
    talk = Talk(address, cookie=f"fleet_session={cookie}" if cookie else None, **options)
    talk.select(token, campaign_id)
    heard = talk.hear()
    talk.socket.close()
    return heard


UNAUTHORIZED = ("error", "unauthorized")


def test_with_cookie_and_origin_it_opens_its_campaign(
    app: Flask, session: Session, admin: Client, address: str, hosts: list[int]
) -> None:
    campaign_id = run(admin, hosts)
    ticket = issued(app, session, admin, campaign_id)
    assert knock(address, ticket, campaign_id, cookie=admin.token, origin=f"http://{address}")[0] == "totals"


def test_without_the_cookie_it_is_worth_nothing(
    app: Flask, session: Session, admin: Client, address: str, hosts: list[int]
) -> None:
    campaign_id = run(admin, hosts)
    ticket = issued(app, session, admin, campaign_id)
    other = client_of(app, global_role="admin")
    for cookie in (None, "nonsense", other.token):
        assert knock(address, ticket, campaign_id, cookie=cookie, origin=f"http://{address}") == UNAUTHORIZED


def test_without_an_origin_it_is_worth_nothing(
    app: Flask, session: Session, admin: Client, address: str, hosts: list[int]
) -> None:
    campaign_id = run(admin, hosts)
    ticket = issued(app, session, admin, campaign_id)
    assert knock(address, ticket, campaign_id, cookie=admin.token, origin=None) == UNAUTHORIZED


def test_it_does_not_open_another_campaign(
    app: Flask, session: Session, admin: Client, address: str, hosts: list[int]
) -> None:
    mine, other = run(admin, hosts), run(admin, hosts)
    ticket = issued(app, session, admin, mine)
    assert knock(address, ticket, other, cookie=admin.token, origin=f"http://{address}") == ("error", "forbidden")


def test_after_a_minute_it_is_over(
    app: Flask, session: Session, admin: Client, address: str, hosts: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = run(admin, hosts)
    ticket = issued(app, session, admin, campaign_id)
    monkeypatch.setattr(tickets, "SECONDS", -1)
    assert knock(address, ticket, campaign_id, cookie=admin.token, origin=f"http://{address}") == UNAUTHORIZED


def test_it_ends_with_its_session(app: Flask, session: Session, admin: Client, address: str, hosts: list[int]) -> None:
    campaign_id = run(admin, hosts)
    ticket = issued(app, session, admin, campaign_id)
    session.query(UserSession).delete()
    session.commit()
    assert knock(address, ticket, campaign_id, cookie=admin.token, origin=f"http://{address}") == UNAUTHORIZED


@pytest.mark.parametrize("text", ["ws1.", "ws1.x.y.z", "", "ws1.W10.aaaa.bbbb"])
def test_a_forged_one_is_none(text: str) -> None:
    assert tickets.read("secret", text) is None


def test_only_the_own_secret_reads_it() -> None:
    ticket = Ticket(1, 2, 3)
    text = tickets.issue("secret", ticket)
    assert tickets.is_ticket(text)
    assert tickets.read("secret", text) == ticket
    assert tickets.read("other", text) is None
    changed = text[:-9] + ("A" if text[-9] != "A" else "B") + text[-8:]
    assert tickets.read("secret", changed) is None


class TestUnsafeOrigins:
    """With foreign origins allowed, tickets still ask for the own one."""

    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"FLEET_SERVER_WEBSOCKETS_ALLOW_UNSAFE_ORIGIN": "true"}

    def test_keys_work_from_elsewhere_and_tickets_do_not(
        self, app: Flask, session: Session, admin: Client, address: str, hosts: list[int]
    ) -> None:
        campaign_id = run(admin, hosts)
        elsewhere = "https://elsewhere.example"
        ticket = issued(app, session, admin, campaign_id)
        assert knock(address, ticket, campaign_id, cookie=admin.token, origin=elsewhere) == UNAUTHORIZED
        assert knock(address, admin.token or "", campaign_id, cookie=None, origin=elsewhere)[0] == "totals"
