"""Settings come from the environment, and a bad one stops the start by its name."""

from datetime import timedelta
from pathlib import Path

import pytest

from fleet.__main__ import settings_table
from fleet.application import ROOT
from fleet.settings import BadSetting, Settings, variables


def test_defaults_need_no_environment() -> None:
    settings = Settings.load({})
    assert settings.server.address == "127.0.0.1:8080"
    assert settings.osquery.detail_update_interval == timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("5d", 432000), ("250ms", 0.25), ("15", 15), ("0", 0)]
)
def test_durations_are_read_in_every_unit(text: str, seconds: float) -> None:
    settings = Settings.load({"FLEET_SESSION_DURATION": text})
    assert settings.session.duration == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FLEET_SERVER_ADDRESS", "nowhere"),
        ("FLEET_SERVER_ADDRESS", "127.0.0.1:99999"),
        ("FLEET_SERVER_TLS", "perhaps"),
        ("FLEET_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, nonsense"),
        ("FLEET_SERVER_URL_PREFIX", "no-slash"),
        ("FLEET_SESSION_DURATION", "soon"),
        ("FLEET_SESSION_DURATION", "-5s"),
        ("FLEET_OSQUERY_HOST_IDENTIFIER", "serial"),
        ("FLEET_OSQUERY_MAX_JITTER_PERCENT", "101"),
        ("FLEET_OSQUERY_RESULT_LOG_PLUGIN", "carrier-pigeon"),
        ("FLEET_LOGGING_JSON", "maybe"),
        ("FLEET_DATABASE_URL_PATH", "/does/not/exist"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable.removesuffix("_PATH")):
        Settings.load({variable: value})


def test_listening_beyond_this_computer_needs_a_decision_about_tls() -> None:
    with pytest.raises(BadSetting, match="FLEET_SERVER_TLS"):
        Settings.load({"FLEET_SERVER_ADDRESS": "0.0.0.0:8080"})
    for tls in ("true", "false"):
        assert Settings.load({"FLEET_SERVER_ADDRESS": "0.0.0.0:8080", "FLEET_SERVER_TLS": tls}).server.tls is (
            tls == "true"
        )


def test_a_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(BadSetting, match="FLEET_SERVER_KEY"):
        Settings.load({"FLEET_SERVER_CERT": "/etc/fleet.pem"})


def test_a_secret_can_be_read_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://fleet:hunter2@db/fleet\n")
    settings = Settings.load({"FLEET_DATABASE_URL_PATH": str(tmp_path / "url")})
    assert settings.database.url.get_secret_value() == "postgresql://fleet:hunter2@db/fleet"
    assert "hunter2" not in repr(settings)


def test_an_unknown_setting_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Settings.load({"FLEET_SERVER_ADRESS": "127.0.0.1:1"})
    assert "FLEET_SERVER_ADRESS" in caplog.text


def test_every_setting_says_what_it_is_for_and_is_documented() -> None:
    documentation = (ROOT / "docs" / "settings.md").read_text()
    readme = (ROOT / "README.md").read_text()
    for variable, _section, _field, info in variables():
        assert info.description, variable
        assert f"`{variable}`" in documentation, variable
        assert f"`{variable}`" in readme or "docs/settings.md" in readme, variable
    assert {row[0] for row in settings_table()} == {row[0] for row in variables()}
