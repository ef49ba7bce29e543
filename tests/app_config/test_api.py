"""The organization's settings, as each role reads them."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from fleet.app_config import service as app_config
from fleet.app_config.schemas import AppConfig, Integrations, Jira, ServerSettings, SmtpSettings, Zendesk
from tests import factories
from tests.conftest import Client, client_of

EVERYBODY = {
    "org_info", "server_settings", "host_expiry_settings", "features", "fleet_desktop", "vulnerability_settings",
    "webhook_settings", "integrations", "mdm", "update_interval", "vulnerabilities", "license", "logging",
}  # fmt: skip
ADMINS = EVERYBODY | {"smtp_settings", "sso_settings", "agent_options"}


def test_a_fresh_instance_shows_the_whole_document(admin: Client) -> None:
    body = admin.get("/config").get_json()
    assert set(body) == ADMINS
    assert body["org_info"]["contact_url"] == "https://fleetdm.com/company/contact"
    assert body["fleet_desktop"] == {"transparency_url": "https://fleetdm.com/transparency"}
    assert body["features"] == {"enable_host_users": True, "enable_software_inventory": True}
    assert set(body["server_settings"]) == {
        "server_url", "live_query_disabled", "enable_analytics", "deferred_save_host",
    }  # fmt: skip
    assert body["webhook_settings"]["interval"] == "24h0m0s"
    assert body["integrations"] == {"jira": None, "zendesk": None}
    assert body["mdm"]["end_user_authentication"] == {
        "entity_id": "", "issuer_uri": "", "metadata": "", "metadata_url": "", "idp_name": "",
    }  # fmt: skip
    assert body["update_interval"] == {"osquery_detail": 3_600_000_000_000, "osquery_policy": 3_600_000_000_000}
    assert body["license"]["tier"] == "premium"
    assert body["license"]["expiration"] > "2100"
    assert body["logging"]["audit"] == {"plugin": "", "config": None}
    assert body["logging"]["result"]["config"]["result_log_file"].endswith("result.log")


@pytest.mark.parametrize("role", ["maintainer", "observer_plus", "observer"])
def test_other_readers_do_not_see_what_is_for_admins(app: Flask, role: str) -> None:
    assert set(client_of(app, global_role=role).get("/config").get_json()) == EVERYBODY


@pytest.mark.parametrize("role", ["admin", "maintainer", "observer_plus", "observer"])
def test_team_roles_read_the_same(app: Flask, session: Session, role: str) -> None:
    team_id = factories.make_team(session).id
    session.commit()
    assert set(client_of(app, team_roles={team_id: role}).get("/config").get_json()) == EVERYBODY


def test_gitops_does_not_read_it(app: Flask) -> None:
    assert client_of(app, global_role="gitops").get("/config").status_code == 403


def test_secrets_are_masked_for_everybody(app: Flask, admin: Client, session: Session) -> None:
    integrations = Integrations(
        jira=[Jira(url="https://jira.example", api_token="jira-hush-token")],
        zendesk=[Zendesk(url="https://zendesk.example", api_token="zendesk-hush-token"), Zendesk()],
    )
    smtp = SmtpSettings(password="smtp-hush-password")
    app_config.save(session, AppConfig(smtp_settings=smtp, integrations=integrations))
    session.commit()
    answer = admin.get("/config")
    assert "-hush-" not in answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    assert body["smtp_settings"]["password"] == "********"
    assert [one["api_token"] for one in body["integrations"]["zendesk"]] == ["********", ""]
    assert "-hush-" not in client_of(app, global_role="observer").get("/config").get_data(as_text=True)
    assert app_config.get(session).smtp_settings.password == "smtp-hush-password"


def test_what_is_stored_comes_back(admin: Client, session: Session) -> None:
    config = AppConfig(server_settings=ServerSettings(debug_host_ids=[1, 2]), agent_options=None)
    app_config.save(session, config)
    session.commit()
    body = admin.get("/config").get_json()
    assert body["server_settings"]["debug_host_ids"] == [1, 2]
    assert body["agent_options"] is None


def test_a_document_of_fewer_sections_gets_the_defaults_of_the_rest(session: Session, admin: Client) -> None:
    from fleet.app_config.models import AppConfigRow

    row = session.get(AppConfigRow, 1)
    assert row is not None
    row.document = {"org_info": {"org_name": "Old"}}
    session.commit()
    assert admin.get("/config").get_json()["smtp_settings"]["port"] == 587
