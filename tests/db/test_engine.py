"""How connections behave."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from fleet.runtime import Runtime


def test_an_error_does_not_tell_the_values_of_its_statement(runtime: Runtime) -> None:
    with pytest.raises(SQLAlchemyError) as refused, runtime.engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM no_such_table WHERE secret = :secret"), {"secret": "hunter2"})
    assert "no_such_table" in str(refused.value)
    assert "hunter2" not in str(refused.value)
