"""Lists take a page, an order and a search, and nothing else reaches the SQL."""

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from fleet.db.listing import MAX_ROWS, ListOptions, ordered, paged
from fleet.errors import FleetError
from fleet.labels.models import Label
from fleet.web.listing import list_options, number

COLUMNS = {"id": Label.id, "name": Label.name, "created_at": Label.created_at}


def ids(session: Session, options: ListOptions) -> list[int]:
    return list(session.scalars(paged(ordered(select(Label.id), options, COLUMNS, Label.id), options)))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("page=x", "non-int page value"),
        ("page=-1", "negative page value"),
        ("per_page=x", "non-int per_page value"),
        ("per_page=0", "invalid per_page value"),
        ("per_page=-3", "invalid per_page value"),
        ("order_key=id&order_direction=up", "unknown order_direction: up"),
        ("order_direction=asc", "order_key must be specified with order_direction"),
        ("page=99999999999999999999", "page value is too large"),
        ("page=" + "9" * 5000, "non-int page value"),
        ("page=1_0", "non-int page value"),
        ("page=%D9%A1", "non-int page value"),
        ("per_page=%201", "non-int per_page value"),
        ("query=%00", "query must not hold a NUL"),
        ("order_key=id&after=%00", "after must not hold a NUL"),
    ],
)
def test_bad_options_are_refused_in_the_words_of_the_contract(app: Flask, query: str, reason: str) -> None:
    with app.test_request_context("/?" + query), pytest.raises(FleetError, match=reason) as refused:
        list_options()
    assert refused.value.status == 400


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "²", "9" * 19, "9" * 5000])
def test_a_number_that_no_column_holds_is_refused_by_name(app: Flask, text: str) -> None:
    with app.test_request_context(f"/?days={text}"), pytest.raises(FleetError) as refused:
        number("days")
    assert (refused.value.status, refused.value.problems[0].name) == (400, "days")


def test_a_page_alone_has_twenty_rows(app: Flask) -> None:
    with app.test_request_context("/?page=2"):
        assert list_options() == ListOptions(page=2, per_page=20)


def test_the_furthest_page_of_the_most_rows_is_one_that_a_database_can_count_to(app: Flask, session: Session) -> None:
    with app.test_request_context("/?page=9000000000000&per_page=9000000000000"):
        options = list_options()
    assert options.per_page == MAX_ROWS
    assert ids(session, options) == []


@pytest.mark.parametrize("key", ["nope", "password_hash", "id; drop table labels", "`id`", '"id"', "query", "id desc"])
def test_unknown_and_secret_columns_are_refused_and_no_sql_is_sent(session: Session, key: str) -> None:
    sent: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: sent.append(args[2]))
    with pytest.raises(FleetError) as refused:
        ids(session, ListOptions(order_key=key))
    assert refused.value.status == 422
    assert refused.value.problems[0].name == "order_key"
    assert sent == []


def test_pages_neither_overlap_nor_skip(session: Session) -> None:
    pages = [ids(session, ListOptions(page=n, per_page=3, order_key="created_at")) for n in range(3)]
    assert [number for page in pages for number in page] == [6, 7, 8, 9, 10, 11, 12, 13]


def test_a_cursor_goes_on_after_a_value_in_either_direction(session: Session) -> None:
    assert ids(session, ListOptions(order_key="id", after="11")) == [12, 13]
    assert ids(session, ListOptions(order_key="h.id", after="8", descending=True)) == [7, 6]


def test_a_cursor_is_read_in_the_type_of_its_column(session: Session) -> None:
    everything = ids(session, ListOptions())
    for after in ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00", "2020-01-01"):
        assert ids(session, ListOptions(order_key="created_at", after=after)) == everything
        assert ids(session, ListOptions(order_key="created_at", after=after, descending=True)) == []


@pytest.mark.parametrize(
    ("key", "after"),
    [
        ("id", "x"),
        ("id", "99999999999999999999"),
        ("id", "1 OR 1=1"),
        ("id", "9" * 5000),
        ("created_at", "yesterday"),
        ("created_at", "0001-01-01T00:00:00+23:00"),
    ],
)
def test_a_cursor_of_another_type_is_a_bad_request(session: Session, key: str, after: str) -> None:
    with pytest.raises(FleetError) as refused:
        ids(session, ListOptions(order_key=key, after=after))
    assert refused.value.status == 400
