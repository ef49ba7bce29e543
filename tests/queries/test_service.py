"""Queries that others change or delete at the same time."""

import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from fleet.activities.models import Activity
from fleet.errors import NotFound
from fleet.labels.models import Label
from fleet.packs.models import Pack
from fleet.queries import service as queries
from fleet.queries.models import Query
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client


@pytest.mark.parametrize(("kind", "path"), [(Query, "queries"), (Pack, "packs"), (Label, "labels")])
def test_what_is_deleted_while_it_is_changed_is_a_conflict(
    admin: Client, session: Session, runtime: Runtime, kind: type[Query] | type[Pack] | type[Label], path: str
) -> None:
    if runtime.engine.dialect.name == "sqlite":
        return  # one writer at a time: nobody comes between
    make = {"queries": factories.make_query, "packs": factories.make_pack, "labels": factories.make_label}[path]
    row_id = make(session).id
    session.commit()

    def come_between(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith(f"UPDATE {path} "):
            with Session(runtime.engine) as other, other.begin():
                other.execute(delete(kind).where(kind.id == row_id))

    event.listen(runtime.engine, "before_cursor_execute", come_between)
    try:
        answer = admin.patch(f"/{path}/{row_id}", {"name": "New", "description": "d"})
    finally:
        event.remove(runtime.engine, "before_cursor_execute", come_between)
    assert (answer.status_code, answer.json["errors"][0]["reason"]) == (409, "it was deleted meanwhile")
    assert session.scalars(select(Activity.activity_type)).all() == []


def test_a_query_that_is_gone_cannot_be_held(session: Session) -> None:
    query = factories.make_query(session)
    session.commit()
    session.execute(delete(Query).execution_options(synchronize_session=False))
    with pytest.raises(NotFound):
        queries.held(session, query)
