"""How connections behave."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet.runtime import Runtime
from tests import factories


def test_an_error_does_not_tell_the_values_of_its_statement(runtime: Runtime) -> None:
    with pytest.raises(SQLAlchemyError) as refused, runtime.engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM no_such_table WHERE secret = :secret"), {"secret": "hunter2"})
    assert "no_such_table" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_the_id_of_a_deleted_row_never_comes_back(session: Session) -> None:
    for make in (factories.make_host, factories.make_label, factories.make_pack, factories.make_query,
                 factories.make_team, factories.make_user):  # fmt: skip
        row = make(session)
        former = row.id
        session.commit()
        session.delete(row)
        session.commit()
        assert make(session).id > former, make.__name__
        session.commit()


def test_every_connection_has_its_time_outs_and_pragmas(runtime: Runtime) -> None:
    names = {
        "postgresql": {
            "statement_timeout": "30s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "1min",
        },
        "sqlite": {"busy_timeout": 10_000, "foreign_keys": 1, "journal_mode": "wal", "synchronous": 1},
    }[runtime.engine.dialect.name]
    ask = "SHOW" if runtime.engine.dialect.name == "postgresql" else "PRAGMA"
    with runtime.engine.connect() as connection:
        assert {name: connection.scalar(text(f"{ask} {name}")) for name in names} == names
