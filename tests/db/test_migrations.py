"""Migrations and models agree, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import create_engine, inspect

from fleet.application import ROOT
from fleet.db import engine as engines
from fleet.db.base import Base
from fleet.db.upgrade import current_revision, upgrade
from fleet.runtime import Runtime


def test_models_and_migrations_agree(runtime: Runtime) -> None:
    with runtime.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_head_names_the_last_migration(app: Flask, runtime: Runtime) -> None:
    head = (ROOT / "migrations" / "HEAD").read_text(encoding="ascii").strip()
    numbers = sorted(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    assert numbers[-1] == head == current_revision(runtime.engine)


def test_first_label_of_a_user_gets_the_id_14(runtime: Runtime) -> None:
    from fleet.labels.models import Label

    with runtime.engine.begin() as connection:
        statement = Label.__table__.insert().values(name="x", name_key="x", query="SELECT 1", description="")
        assert connection.execute(statement).inserted_primary_key[0] == 14


def test_a_database_that_stands_at_the_head_is_left_alone(tmp_path: object) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/fleet.db")
    engines.prepare(engine)
    upgrade(engine, ROOT / "migrations")
    tables = set(inspect(engine).get_table_names())
    upgrade(engine, ROOT / "migrations")
    assert set(inspect(engine).get_table_names()) == tables
    engine.dispose()
