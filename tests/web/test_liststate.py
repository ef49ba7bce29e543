"""What stands in the address of a list page, and the addresses of the same list shown otherwise."""

from collections.abc import Iterator

import pytest
from flask import Flask

from fleet.hosts import viewing
from fleet.web.liststate import ListState, list_state


@pytest.fixture
def plain() -> Iterator[Flask]:
    app = Flask("plain")
    app.add_url_rule("/things", "things", lambda: "")
    app.add_url_rule("/hosts/manage", "hosts.index", lambda: "")
    app.add_url_rule("/hosts/manage.csv", "hosts.download", lambda: "")
    app.add_url_rule("/hosts/manage/labels/<label_id>", "hosts.of_label", lambda label_id: "")
    yield app


def state_of(app: Flask, query: str) -> ListState:
    with app.test_request_context(f"/things?{query}"):
        return list_state("things", ("name", "age"), order=("name", "asc"), keep=("kind",))


def test_what_an_address_cannot_mean_is_passed_over(plain: Flask) -> None:
    usual = state_of(plain, "")
    for query in (
        "page=x", "page=-1", "page=%C2%B2", "page=" + "9" * 5000, "per_page=7", "per_page=0", "order_key=secret",
        "order_key=secret&order_direction=desc", "query=%00%20", "kind=",
    ):  # fmt: skip
        assert state_of(plain, query) == usual
    assert usual.options.per_page == 20 and usual.parameters() == {}


def test_a_search_is_cut_to_what_a_name_can_be(plain: Flask) -> None:
    assert state_of(plain, "query=" + "a" * 5000).match == "a" * 255


def test_an_address_holds_only_what_does_not_go_without_saying(plain: Flask) -> None:
    state = state_of(plain, "order_key=name&order_direction=asc&page=0&per_page=20&kind=k&query=+a%20")
    assert state.parameters() == {"query": "a", "kind": "k"}
    state = state_of(plain, "order_key=age&order_direction=desc&page=3&per_page=50&kind=k")
    with plain.test_request_context():
        assert state.url() == "/things?kind=k&order_key=age&order_direction=desc&page=3&per_page=50"


def test_a_list_that_is_changed_begins_anew_unless_the_page_is_given(plain: Flask) -> None:
    state = state_of(plain, "page=3&kind=k")
    with plain.test_request_context():
        assert state.url(kind="other") == "/things?kind=other"
        assert state.url(kind=None) == state.url(kind="") == "/things"
        assert state.url(page=4) == "/things?kind=k&page=4"
        assert state.url(kind="other", page=3) == "/things?kind=other&page=3"


def test_a_page_beyond_the_end_becomes_the_last_one(plain: Flask) -> None:
    state = state_of(plain, "page=999999999")
    assert [state.within(total).page for total in (0, 1, 20, 21, 100)] == [0, 0, 0, 1, 4]


def test_a_list_of_hosts_keeps_its_label_in_the_path_and_its_columns(plain: Flask) -> None:
    query = "query=a&status=online&order_key=uuid&page=2&cols=status,uuid"
    with plain.test_request_context(f"/hosts/manage/labels/7?{query}"):
        view, understood = viewing.read(7, teams=False)
        assert understood
        assert view.filters == {"query": "a", "status": "online", "label_id": "7"}
        assert (view.wanted.match, view.wanted.label_id, view.page, view.per_page) == ("a", 7, 2, 50)
        assert view.url(status=None).startswith("/hosts/manage/labels/7?query=a&")
        assert view.url(label_id=None).startswith("/hosts/manage?")
        assert view.without_filters() == "/hosts/manage?cols=status,uuid&order_key=uuid&order_direction=asc"
        assert "label_id=7" in view.download() and "page" not in view.download()
        assert view.within(10).page == 0


def test_hosts_are_sought_by_what_the_address_shows(plain: Flask) -> None:
    with plain.test_request_context("/hosts/manage?query=%20a%00b%20"):
        view, understood = viewing.read(None, teams=False)
        assert not understood
        assert view.wanted.match == view.match == "ab"
        assert view.url() == "/hosts/manage?query=ab"
