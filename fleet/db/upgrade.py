"""The database is brought up to date as the server starts."""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from fleet.db.engine import reading


def current_revision(engine: Engine) -> str | None:
    """The revision that the database stands at, or none when it is empty."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: Engine, directory: Path) -> None:
    """Run the migrations that the database lacks; nothing, and quickly, when it has them all."""
    head = (directory / "HEAD").read_text(encoding="ascii").strip()
    if current_revision(engine) == head:
        return
    from alembic import command  # half a second to import, and seldom needed
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(directory))
    with engine.begin() as connection:  # SQLite: takes the write lock; PostgreSQL: DDL is transactional
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(4380)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
