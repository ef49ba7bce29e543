"""The command of contributors that knows every model: it writes a migration from what the models changed."""

import re
import tempfile
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from fleet.db import engine as engines
from fleet.db.upgrade import upgrade


@click.command()
@click.argument("name")
def migration(name: str) -> None:
    """Write the next migration, called NAME (words with underscores), and put it at the head."""
    from fleet.application import ROOT  # imports every model

    directory = ROOT / "migrations"
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise click.BadParameter("use small letters, digits and underscores", param_hint="NAME")
    number = f"{int((directory / 'HEAD').read_text(encoding='ascii')) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'fleet.db'}")
        engines.prepare(engine)
        upgrade(engine, directory)
        config = Config()
        config.set_main_option("script_location", str(directory))
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message=name.replace("_", " "), autogenerate=True, rev_id=number)
        engine.dispose()
    (directory / "HEAD").write_text(number + "\n", encoding="ascii")
    click.echo(f"Read what was written: migrations/versions/{number}_{name}.py")
