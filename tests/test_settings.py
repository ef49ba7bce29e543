"""Settings come from the environment, and a bad one stops the start by its name."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.__main__ import settings_table
from fleet.application import ROOT
from fleet.settings import BadSetting, Settings, variables

DOCS = ROOT / "docs"


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
        ("FLEET_SESSION_DURATION", "99999999999d"),
        ("FLEET_SESSION_DURATION", "1h30"),
        ("FLEET_SERVER_SECRET_KEY", ""),
        ("FLEET_SERVER_SECRET_KEY", "too short"),
        ("FLEET_DATABASE_URL", "mysql://fleet:hunter2@db/fleet"),
        ("FLEET_DATABASE_URL", "postgresql://fleet:hunter2@db:port/fleet"),
        ("FLEET_REDIS_URL", "localhost:6379"),
        ("FLEET_REDIS_URL", "redis://:hunter2@cache:99999"),
        ("FLEET_PROMETHEUS_BASIC_AUTH_PASSWORD", "hunter2-alone"),
        ("FLEET_PACKAGING_GLOBAL_ENROLL_SECRET", "hunter2" * 50),
        ("FLEET_LOGGING_JSON", "maybe"),
        ("FLEET_DATABASE_URL_PATH", "/does/not/exist"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(BadSetting, match=variable.removesuffix("_PATH").removesuffix("_PASSWORD")) as refused:
        Settings.load({variable: value})
    assert "hunter2" not in str(refused.value)


def test_listening_beyond_this_computer_needs_a_decision_about_tls() -> None:
    with pytest.raises(BadSetting, match="FLEET_SERVER_TLS"):
        Settings.load({"FLEET_SERVER_ADDRESS": "0.0.0.0:8080"})
    for tls in ("true", "false"):
        assert Settings.load({"FLEET_SERVER_ADDRESS": "0.0.0.0:8080", "FLEET_SERVER_TLS": tls}).server.tls is (
            tls == "true"
        )


def test_a_certificate_without_its_key_is_refused() -> None:
    for given, missing in (("FLEET_SERVER_CERT", "FLEET_SERVER_KEY"), ("FLEET_SERVER_KEY", "FLEET_SERVER_CERT")):
        with pytest.raises(BadSetting, match=f"^{missing}:"):
            Settings.load({given: "/etc/fleet.pem"})


def test_a_secret_can_be_read_from_a_file_and_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://fleet:hunter2@db/fleet\n")
    settings = Settings.load({"FLEET_DATABASE_URL_PATH": str(tmp_path / "url")})
    assert settings.database.url.get_secret_value() == "postgresql://fleet:hunter2@db/fleet"
    assert "hunter2" not in repr(settings)


def test_an_unknown_setting_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Settings.load({"FLEET_SERVER_ADRESS": "127.0.0.1:1"})
    assert "FLEET_SERVER_ADRESS" in caplog.text


def test_every_setting_is_documented_as_it_is_and_nothing_else() -> None:
    documented = re.findall(r"^\| `(FLEET_\w+)`( 🔒)? \| (.*?) \| (.*) \|$", (DOCS / "settings.md").read_text(), re.M)
    secret = {variable for variable, *_, info in variables() if "Secret" in str(info.annotation)}
    assert documented == [
        (variable, " 🔒" if variable in secret else "", f"`{default}`" if default else "", text[0].upper() + text[1:])
        for variable, default, text in settings_table()
    ]
    assert [row[0] for row in settings_table()] == [row[0] for row in variables()]


def test_other_pages_name_only_settings_that_there_are() -> None:
    known = {variable for variable, *_ in variables()} | {"FLEET_DATABASE_URL_PATH", "FLEET_ENROLL_SECRET"}
    for path in (ROOT / "README.md", *DOCS.glob("*.md")):
        assert set(re.findall(r"\bFLEET_[A-Z][A-Z_]*[A-Z]\b", path.read_text())) <= known, path.name
