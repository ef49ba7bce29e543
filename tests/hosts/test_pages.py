"""What people see of hosts: the list, one host, the dialogs."""

import html
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.hosts.models import Host, HostDisk
from fleet.packs.models import PackTarget, ScheduledQuery, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.hosts.counting import statements

HTMX = {"HX-Request": "true"}


def browser_of(app: Flask, **roles: Any) -> FlaskClient:
    """Pages as a new user with these roles."""
    with app.app_context():
        from fleet.extensions import db

        factories.make_organization(db.session())
        token = factories.sign_in(db.session(), factories.make_user(db.session(), **roles))
        db.session.commit()
    client = app.test_client()
    client.set_cookie("fleet_session", token)
    return client


def rows(page: str) -> list[str]:
    """The names of the hosts in a list, in order."""
    table = page.partition('id="results"')[2]
    return [html.unescape(name) for name in re.findall(r'<th scope="row"[^>]*><a [^>]*>([^<]*)</a>', table)]


def text_of(client: FlaskClient, path: str, status: int = 200, **options: Any) -> str:
    answer = client.get(path, **options)
    assert answer.status_code == status, answer.text
    return answer.text


@pytest.fixture
def hosts(session: Session) -> list[Host]:
    """An online Mac, an online server, and a Windows computer that was not seen for long."""
    made = [
        factories.make_host(session, hostname="anna-mbp", platform="darwin", os_version="macOS 14.2.1"),
        factories.make_host(session, hostname="db-01", primary_ip="10.0.0.7"),
        factories.make_host(session, hostname="WIN-2", platform="windows", online=False),
    ]
    session.add(HostDisk(host_id=made[0].id, gigs_disk_space_available=9.0, percent_disk_space_available=2.0))
    session.commit()
    return made


def test_the_list_shows_hosts_with_links_and_states(browser: FlaskClient, hosts: list[Host]) -> None:
    page = text_of(browser, "/hosts/manage")
    assert rows(page) == ["anna-mbp", "db-01", "WIN-2"]
    assert "3 hosts" in page and f'href="/hosts/{hosts[0].id}?back=' in page
    assert "macOS 14.2.1" in page and "9.0 GB" in page
    for name, count in (("All", 3), ("Online", 2), ("Offline", 1), ("Missing", 1), ("New", 3)):
        assert re.search(rf'class="chip"[^>]*>{name} <span class="count">{count}<', page), name


def test_filters_combine_and_each_has_a_pill_that_removes_it(
    browser: FlaskClient, session: Session, hosts: list[Host]
) -> None:
    label = factories.make_label(session, "Laptops", hosts=hosts)
    session.commit()
    page = text_of(browser, f"/hosts/manage/labels/{label.id}?status=online&query=mbp&low_disk_space=10")
    assert rows(page) == ["anna-mbp"]
    for pill in ("Label: Laptops", "Search: mbp", "Status: online", "Less than 10 GB free"):
        assert f'aria-label="Remove filter {pill}"' in page
    assert 'href="/hosts/manage?status=online&amp;query=mbp&amp;low_disk_space=10"' in page or re.search(
        r'aria-label="Remove filter Label: Laptops" href="/hosts/manage\?[^"]*query=mbp', page
    )


def test_what_an_address_cannot_mean_is_dropped(browser: FlaskClient, hosts: list[Host]) -> None:
    for asked, clean in [
        ("?nonsense=1&status=online", "/hosts/manage?status=online"),
        ("?status=nope", "/hosts/manage"),
        ("?order_key=node_key_digest&order_direction=desc", "/hosts/manage"),
        ("?per_page=7", "/hosts/manage"),
        ("?page=x", "/hosts/manage"),
        ("?team_id=99", "/hosts/manage"),
        ("?policy_response=failing", "/hosts/manage"),
        ("?label_id=7", "/hosts/manage/labels/7"),
        ("?cols=nope", None),
    ]:
        answer = browser.get(f"/hosts/manage{asked}")
        assert answer.status_code == 302
        if clean:
            assert answer.headers["Location"] == clean
        assert browser.get(answer.headers["Location"]).status_code == 200


def test_an_address_can_ask_for_the_dialog_that_adds_hosts(app: Flask, browser: FlaskClient, hosts: list[Host]) -> None:
    answer = browser.get("/hosts/manage?add_hosts=true&nonsense=1&status=online")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/hosts/manage?status=online&add_hosts=true"
    page = browser.get(answer.headers["Location"]).get_data(as_text=True)
    assert 'hx-trigger="load, click"' in page
    assert '<meta http-equiv="refresh" content="0; url=/hosts/add">' in page
    for path, client in (
        ("/hosts/manage", browser),
        ("/hosts/manage?add_hosts=true", browser_of(app, global_role="observer")),
    ):
        page = client.get(path).get_data(as_text=True)
        assert "load, click" not in page and "http-equiv" not in page


def test_addresses_that_mean_something_are_answered(browser: FlaskClient, hosts: list[Host]) -> None:
    for asked in [
        "",
        "/",
        "?order_key=display_name&order_direction=asc",
        "?page=0&per_page=50",
        "?query=a&status=",
        "?order_key=seen_time&order_direction=desc&per_page=20",
        "?policy_id=5&policy_response=failing",
        "?cols=uuid,status",
    ]:
        answer = browser.get(f"/hosts/manage{asked}")
        assert (
            answer.status_code == 200
            or browser.get(answer.headers["Location"]).status_code == 200
            and "cols=status" in answer.headers["Location"]
        )


def test_a_page_beyond_the_end_is_the_last_one(browser: FlaskClient, session: Session) -> None:
    for number in range(25):
        factories.make_host(session, hostname=f"h-{number:02d}")
    session.commit()
    page = text_of(browser, "/hosts/manage?per_page=20&page=9")
    assert rows(page) == [f"h-{number}" for number in range(20, 25)]
    assert "21–25 of 25" in page


def test_addresses_of_old_lead_to_the_same_lists(browser: FlaskClient) -> None:
    for asked, meant in (
        ("/hosts/manage/online", "/hosts/manage?status=online"),
        ("/hosts/manage/new/labels/7", "/hosts/manage/labels/7?status=new"),
        ("/hosts/manage/labels/7/missing", "/hosts/manage/labels/7?status=missing"),
    ):
        answer = browser.get(asked)
        assert (answer.status_code, answer.headers["Location"]) == (301, meant)
    assert browser.get("/hosts/manage/nonsense").status_code == 404


def test_htmx_gets_the_region_alone(browser: FlaskClient, hosts: list[Host]) -> None:
    page = text_of(browser, "/hosts/manage?query=db", headers={**HTMX, "HX-Target": "results"})
    assert page.lstrip().startswith('<section id="results"') and rows(page) == ["db-01"]


def test_columns_are_chosen_and_remembered(browser: FlaskClient, hosts: list[Host]) -> None:
    answer = browser.get("/hosts/manage?columns=1&cols=uuid&cols=status&cols=nope")
    assert answer.headers["Location"] == "/hosts/manage?cols=status,uuid"
    head = text_of(browser, "/hosts/manage").partition("<thead>")[2].partition("</thead>")[0]
    assert "UUID" in head and "Operating system" not in head


def test_a_list_takes_few_statements_whatever_its_length(
    browser: FlaskClient, session: Session, runtime: Runtime
) -> None:
    counts = []
    text_of(browser, "/hosts/manage")
    for _ in range(2):
        for _ in range(4):
            factories.make_host(session)
        session.commit()
        with statements(runtime.engine) as sent:
            text_of(browser, "/hosts/manage")
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 9


def test_the_first_host_is_invited(app: Flask, browser: FlaskClient) -> None:
    page = text_of(browser, "/hosts/manage")
    assert "No hosts yet" in page and 'href="/hosts/add"' in page
    seen = text_of(browser_of(app, global_role="observer"), "/hosts/manage")
    assert "No hosts yet" in seen and "/hosts/add" not in seen


def test_no_match_offers_to_clear_the_filters(browser: FlaskClient, hosts: list[Host]) -> None:
    page = text_of(browser, "/hosts/manage?query=nothing+like+it")
    assert "No host matches" in page and "Clear all" in page


def test_observers_choose_and_delete_nothing(app: Flask, hosts: list[Host]) -> None:
    client = browser_of(app, global_role="observer")
    page = text_of(client, "/hosts/manage")
    assert "data-select" not in page and "/hosts/delete" not in page.replace('action="/hosts/delete"', "")
    assert "Delete" not in text_of(client, f"/hosts/{hosts[0].id}")
    assert client.get(f"/hosts/delete?id={hosts[0].id}").status_code == 403
    answer = factories.submit(client, "/hosts/delete", {"id": hosts[0].id, "shown": 1}, page=f"/hosts/{hosts[0].id}")
    assert answer.status_code == 403


def test_hostile_names_are_only_text(browser: FlaskClient, session: Session) -> None:
    for hostile in ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}", "a'b&c"]:  # fmt: skip
        host = factories.make_host(
            session, hostname=hostile, computer_name=hostile, os_version=hostile, hardware_model=hostile,
            cpu_brand=hostile, osquery_version=hostile, hardware_serial=hostile, primary_ip=hostile[:40],
        )  # fmt: skip
        label = factories.make_label(session, hostile, hosts=[host], description=hostile, query=hostile)
        query = factories.make_query(session, hostile, description=hostile, interval=60, automations_enabled=True)
        pack = factories.make_pack(session, hostile)
        session.add_all([
            ScheduledQuery(pack_id=pack.id, query_id=query.id, name=hostile, name_key=hostile, interval=5),
            PackTarget(pack_id=pack.id, type=TargetType.HOST, target_id=host.id),
        ])  # fmt: skip
        session.commit()
        every = ",".join(["hostname", "computer_name", "os_version", "cpu_type", "hardware_model", "hardware_serial"])
        for path in (
            f"/hosts/manage?cols={every}", f"/hosts/manage/labels/{label.id}", f"/hosts/{host.id}",
            f"/hosts/{host.id}/schedule", f"/hosts/delete?id={host.id}", "/labels/manage", f"/labels/{label.id}",
        ):  # fmt: skip
            page = text_of(browser, path)
            assert "<script>alert" not in page and "<img src=x" not in page and ">49<" not in page, path
            assert html.escape(hostile, quote=False).replace("'", "&#39;") in page.replace("&#34;", '"'), path


def test_a_host_tells_what_is_known_of_it(browser: FlaskClient, session: Session) -> None:
    host = factories.make_host(
        session,
        hostname="orion",
        memory=2**34,
        hardware_serial="PF2",
        distributed_interval=10,
        uptime=3_600_000_000_000,
    )
    label = factories.make_label(session, "Servers", hosts=[host])
    session.commit()
    page = text_of(browser, f"/hosts/{host.id}")
    for text in ("orion", "16.0 GB", "PF2", "10 seconds", "Online", "Last restarted"):
        assert text in page, text
    assert f'href="/hosts/manage/labels/{label.id}"' in page
    assert "Software" not in page and "Policies" not in page


def test_a_host_that_never_told_anything_is_shown(browser: FlaskClient, session: Session) -> None:
    host = Host(hostname="", osquery_host_id="x")
    session.add(host)
    session.commit()
    page = text_of(browser, f"/hosts/{host.id}")
    assert f"Host {host.id}" in page and "Not reported yet" in page and "never" in page
    assert rows(text_of(browser, "/hosts/manage")) == [f"Host {host.id}"]


def test_the_schedule_shows_packs_to_those_who_read_packs(app: Flask, browser: FlaskClient, session: Session) -> None:
    host = factories.make_host(session)
    query = factories.make_query(session, "Ports", interval=3600, automations_enabled=True)
    pack = factories.make_pack(session, "Baseline")
    session.add_all([
        ScheduledQuery(pack_id=pack.id, query_id=query.id, name="in-pack", name_key="in-pack", interval=60),
        PackTarget(pack_id=pack.id, type=TargetType.HOST, target_id=host.id),
    ])  # fmt: skip
    session.commit()
    path = f"/hosts/{host.id}/schedule"
    page = text_of(browser, path)
    assert "Baseline" in page and "in-pack" in page and "every minute" in page and "every hour" in page
    seen = text_of(browser_of(app, global_role="observer"), path)
    assert "Ports" in seen and "Baseline" not in seen


def test_back_leads_only_within_this_server(browser: FlaskClient, hosts: list[Host]) -> None:
    path = f"/hosts/{hosts[0].id}"
    assert 'class="back" href="/hosts/manage?status=online"' in text_of(
        browser, path, query_string={"back": "/hosts/manage?status=online"}
    )
    for evil in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil"):
        page = text_of(browser, path, query_string={"back": evil})
        assert 'class="back" href="/hosts/manage"' in page


def test_refetch_is_asked_for_and_watched(browser: FlaskClient, session: Session, hosts: list[Host]) -> None:
    host_id = hosts[0].id
    path = f"/hosts/{host_id}"
    answer = factories.submit(browser, f"{path}/refetch", {}, page=path)
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert session.scalar(select(Host.refetch_requested).where(Host.id == host_id))
    token = factories.csrf_token(browser, path)
    watched = browser.post(f"{path}/refetch", data={"csrf_token": token}, headers=HTMX).text
    assert f'hx-get="/_/hosts/{host_id}/refetch?n=1" hx-trigger="every 2s"' in watched
    assert "asking the host" in watched
    assert 'n=2"' in text_of(browser, f"/_{path}/refetch?n=1", headers=HTMX)
    last = browser.get(f"/_{path}/refetch?n=30", headers=HTMX)
    assert "every 2s" not in last.text and "warning" in last.headers["HX-Trigger"]
    session.commit()
    session.execute(update(Host).values(refetch_requested=False))
    session.commit()
    done = browser.get(f"/_{path}/refetch?n=3", headers=HTMX)
    assert "every 2s" not in done.text and '"refresh": "tab"' in done.headers["HX-Trigger"]
    assert browser.get(f"/_{path}/refetch").status_code == 303


def test_an_offline_host_cannot_be_refetched_from_its_page(browser: FlaskClient, hosts: list[Host]) -> None:
    page = text_of(browser, f"/hosts/{hosts[2].id}")
    assert "The host is offline" in page and "/refetch" not in page


def test_a_team_sees_its_hosts_alone(app: Flask, session: Session) -> None:
    mine, theirs = factories.make_team(session, "Mine"), factories.make_team(session, "Theirs")
    factories.make_host(session, hostname="own", team_id=mine.id)
    other = factories.make_host(session, hostname="secret-host", team_id=theirs.id)
    session.commit()
    client = browser_of(app, team_roles={mine.id: "maintainer"})
    page = text_of(client, "/hosts/manage")
    assert rows(page) == ["own"] and "secret-host" not in page and "Theirs" not in page
    for path in (f"/hosts/{other.id}", f"/hosts/{other.id}/schedule", f"/hosts/delete?id={other.id}",
                 f"/hosts/{other.id}/query", "/hosts/add"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 403 and "secret-host" not in answer.text
    for asked in (f"?team_id={theirs.id}", "?team_id=0"):
        assert client.get(f"/hosts/manage{asked}").status_code == 302
    assert "secret-host" not in text_of(client, f"/hosts/manage.csv?team_id={theirs.id}")


def test_no_team_is_a_team_to_choose(browser: FlaskClient, session: Session) -> None:
    team = factories.make_team(session, "Servers")
    factories.make_host(session, hostname="in-team", team_id=team.id)
    factories.make_host(session, hostname="free")
    session.commit()
    assert rows(text_of(browser, "/hosts/manage?team_id=0")) == ["free"]
    assert rows(text_of(browser, f"/hosts/manage?team_id={team.id}")) == ["in-team"]


def test_the_list_is_exported_as_it_is_shown(browser: FlaskClient, session: Session, hosts: list[Host]) -> None:
    factories.make_host(session, hostname="=1+1")
    session.commit()
    answer = browser.get("/hosts/manage.csv?cols=hostname&order_key=display_name&order_direction=desc&per_page=20")
    assert answer.text.splitlines() == [
        "display_name,hostname", "WIN-2,WIN-2", "db-01,db-01", "anna-mbp,anna-mbp", "'=1+1,'=1+1",
    ]  # fmt: skip
    assert "attachment" in answer.headers["Content-Disposition"]
    assert browser.get("/hosts/manage.csv?status=offline&cols=status").text.splitlines()[1:] == ["WIN-2,offline"]
