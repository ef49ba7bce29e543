"""The dialogs of hosts: deleting some, adding more."""

import html

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.app_config import service as app_config
from fleet.hosts.models import Host
from fleet.runtime import Runtime
from fleet.teams.models import EnrollSecret
from tests import factories
from tests.hosts.test_pages import HTMX, browser_of, text_of
from tests.hosts.test_pages import hosts as hosts


def left(session: Session) -> list[str]:
    session.commit()
    return list(session.scalars(select(Host.hostname).order_by(Host.id)))


def test_ticked_hosts_are_deleted_after_asking(browser: FlaskClient, session: Session, hosts: list[Host]) -> None:
    ids = [host.id for host in hosts[:2]]
    path = f"/hosts/delete?id={ids[0]}&id={ids[1]}"
    page = text_of(browser, path)
    assert "Delete 2 hosts?" in page and "anna-mbp" in page and "Both are online" in page
    fragment = text_of(browser, path, headers={**HTMX, "HX-Target": "dlg"})
    assert "<html" not in fragment and 'id="dialog"' in fragment
    answer = factories.submit(browser, "/hosts/delete", {"id": ids, "shown": 2}, page=path)
    assert answer.status_code == 303
    assert left(session) == ["WIN-2"]


def test_a_host_is_deleted_from_its_page(browser: FlaskClient, session: Session, hosts: list[Host]) -> None:
    path = f"/hosts/delete?id={hosts[1].id}&origin=host"
    assert "Delete this host?" in text_of(browser, path)
    data = {"id": hosts[1].id, "shown": 1, "origin": "host"}
    answer = factories.submit(browser, "/hosts/delete", data, page=path)
    assert answer.headers["Location"] == "/hosts/manage"
    assert left(session) == ["anna-mbp", "WIN-2"]


def test_all_matching_hosts_are_those_of_every_filter_and_the_number_is_typed(
    browser: FlaskClient, session: Session, hosts: list[Host]
) -> None:
    chosen = {"all": "true", "status": "online", "low_disk_space": "10", "label_id": "6"}
    page = text_of(browser, "/hosts/delete", query_string=chosen)
    assert "Delete this host?" in page and "Type <b>1</b>" in page
    for name, value in chosen.items():
        assert f'name="{name}" value="{value}"' in page
    token = factories.csrf_token(browser, "/hosts/manage")
    for wrong, status in (({"confirm": ""}, 422), ({"confirm": "2"}, 422), ({"shown": "2", "confirm": "1"}, 409)):
        data = {"csrf_token": token, "shown": "1", **chosen, **wrong}
        assert browser.post("/hosts/delete", data=data).status_code == status
    assert len(left(session)) == 3
    data = {"csrf_token": token, "shown": "1", "confirm": "1", **chosen}
    assert browser.post("/hosts/delete", data=data).status_code == 303
    assert left(session) == ["db-01", "WIN-2"]


def test_a_selection_that_names_nothing_known_deletes_nothing(
    browser: FlaskClient, session: Session, hosts: list[Host]
) -> None:
    token = factories.csrf_token(browser, "/hosts/manage")
    for data, status in [
        ({}, 422),
        ({"id": ""}, 400),
        ({"id": "x"}, 400),
        ({"id": "-1"}, 400),
        ({"id": "99999999999999999999"}, 400),
        ({"id": "999999"}, 404),
        ({"all": "true", "status": "nope"}, 400),
        ({"all": "true", "label_id": "x"}, 400),
        ({"all": "yes"}, 422),
        ({"all": "true", "policy_id": "3"}, 404),
        ({"all": "true", "team_id": "77"}, 404),
    ]:
        sent: dict[str, str] = {"csrf_token": token, "shown": "3", "confirm": "3", **data}
        assert browser.post("/hosts/delete", data=sent).status_code == status, data
        assert len(left(session)) == 3


def test_a_form_without_a_token_deletes_nothing(browser: FlaskClient, session: Session, hosts: list[Host]) -> None:
    assert browser.post("/hosts/delete", data={"id": hosts[0].id, "shown": 1}).status_code == 403
    assert len(left(session)) == 3


def test_adding_hosts_is_shown_to_those_who_may_read_the_secret(app: Flask, browser: FlaskClient) -> None:
    page = text_of(browser, "/hosts/add")
    assert 'type="password"' in page and factories.SECRET in page
    assert "no-store" in browser.get("/hosts/add").headers["Cache-Control"]
    assert text_of(browser, "/hosts/add/secret.txt") == factories.SECRET
    flags = text_of(browser, "/hosts/add/flagfile.txt")
    assert "--tls_hostname=localhost:8080\n" in flags and "--enroll_tls_endpoint=/api/osquery/enroll\n" in flags
    assert browser.get("/hosts/add/fleet.pem").status_code == 404
    client = browser_of(app, global_role="observer")
    for path in ("/hosts/add", "/hosts/add/secret.txt", "/hosts/add/flagfile.txt", "/hosts/add/fleet.pem"):
        answer = client.get(path)
        assert answer.status_code == 403 and factories.SECRET not in answer.text


def test_an_address_that_could_be_more_flags_is_not_written_into_the_file(
    browser: FlaskClient, session: Session
) -> None:
    for url, place in (
        ("https://fleet.example:8443/path", "fleet.example:8443"),
        ("https://[::1]:8080", "[::1]:8080"),
        ("https://fleet.example --insecure", "localhost"),
        ("https://fleet.example%0a--insecure", "localhost"),
        ("ftp://fleet.example", "localhost"),
        ("", "localhost"),
    ):
        config = app_config.get(session)
        settings = config.server_settings.model_copy(update={"server_url": url})
        app_config.save(session, config.model_copy(update={"server_settings": settings}))
        session.commit()
        flags = text_of(browser, "/hosts/add/flagfile.txt").splitlines()
        assert f"--tls_hostname={place}" in flags and "--insecure" not in "".join(flags), url


def test_every_value_of_a_command_is_quoted(browser: FlaskClient, session: Session) -> None:
    session.delete(session.get_one(EnrollSecret, factories.SECRET))
    session.add(EnrollSecret(secret="a b'; rm -rf $HOME #"))
    session.commit()
    page = html.unescape(text_of(browser, "/hosts/add?how=computer"))
    assert """SECRET='a b'"'"'; rm -rf $$HOME #'""" in page


def test_without_a_secret_the_page_says_so(browser: FlaskClient, session: Session) -> None:
    session.delete(session.get_one(EnrollSecret, factories.SECRET))
    session.commit()
    assert "There is no enroll secret" in text_of(browser, "/hosts/add")
    assert "There is no enroll secret" in text_of(browser, "/hosts/manage")
    assert browser.get("/hosts/add/secret.txt").status_code == 404


def test_only_certificates_are_handed_out(session: Session, runtime: Runtime, app: Flask) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    path = runtime.settings.data_dir / "server-cert.pem"
    path.write_text("-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n" + certificate)
    server = runtime.settings.server.model_copy(update={"tls": True})
    runtime.settings = runtime.settings.model_copy(update={"server": server})
    factories.make_organization(session)
    token = factories.sign_in(session, factories.make_user(session, global_role="admin"))
    session.commit()
    client = app.test_client()
    client.set_cookie("__Host-fleet_session", token, secure=True)
    answer = client.get("/hosts/add/fleet.pem", base_url="https://localhost")
    assert (answer.status_code, answer.text) == (200, certificate)
    assert "fleet.pem" in client.get("/hosts/add", base_url="https://localhost").text
