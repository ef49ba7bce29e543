"""The secret key of an application: made once, whole, and for its owner alone."""

import threading
from pathlib import Path

import pytest
from flask import Flask

from fleet.application import _secret_key
from fleet.settings import BadSetting, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"FLEET_DATA_DIR": str(tmp_path)})


def test_the_key_is_made_once_however_many_start_at_the_same_time(settings: Settings) -> None:
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(_secret_key(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8 and len(set(keys)) == 1 and len(keys[0]) == 64
    assert [path.name for path in settings.data_dir.iterdir()] == ["secret_key"]
    assert (settings.data_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_nobody_else_looks_into_the_data_folder(own_app: Flask) -> None:
    assert own_app.extensions["fleet"].settings.data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"short", b"\n" * 64, b"\xff" * 5])
def test_a_key_that_protects_nothing_stops_the_start(settings: Settings, content: bytes) -> None:
    (settings.data_dir / "secret_key").write_bytes(content)
    with pytest.raises(BadSetting, match="secret_key is too short"):
        _secret_key(settings)


def test_a_key_of_the_settings_is_the_one(tmp_path: Path) -> None:
    given = {"FLEET_DATA_DIR": str(tmp_path), "FLEET_SERVER_SECRET_KEY": "sixteen letters."}
    assert _secret_key(Settings.load(given)) == "sixteen letters."
    assert list(tmp_path.iterdir()) == []
