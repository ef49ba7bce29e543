"""The name of an instance: one for each database, whoever asks."""

import threading
from pathlib import Path

from sqlalchemy import create_engine

from fleet.application import ROOT
from fleet.db import engine as engines
from fleet.db.instance import name_of
from fleet.db.upgrade import upgrade
from fleet.runtime import Runtime


def test_all_processes_over_a_database_have_one_name(runtime: Runtime) -> None:
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(name_of(runtime.engine))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 5 and set(names) == {name_of(runtime.engine)}


def test_another_database_has_another_name(runtime: Runtime, tmp_path: Path) -> None:
    other = create_engine(f"sqlite:///{tmp_path}/other.db")
    engines.prepare(other)
    upgrade(other, ROOT / "migrations")
    assert name_of(other) != name_of(runtime.engine)
    other.dispose()
