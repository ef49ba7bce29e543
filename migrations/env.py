"""How migrations run: over the connection that the server hands in, or, for `flask db`, over its engine."""

from alembic import context
from sqlalchemy import Connection

from fleet.db.base import Base


def run(connection: Connection) -> None:
    """Run the migrations over one connection."""
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True,
        transaction_per_migration=False,
    )  # fmt: skip
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from flask import current_app

    with current_app.extensions["migrate"].db.engine.begin() as own:
        run(own)
