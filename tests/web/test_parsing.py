"""Bodies become shapes, or errors that name the field."""

from typing import Any

import pytest
from flask import Flask

from fleet.errors import BadRequest, FleetError, Invalid, TooLarge
from fleet.shapes import Body
from fleet.web import parsing


class Thing(Body):
    """A shape of the tests."""

    name: str
    count: int = 0
    tags: list[str] = []


def read(body: Any) -> Thing:
    return parsing.validate(Thing, parsing.decode(body))


def test_keys_are_matched_in_any_letter_case_and_unknown_ones_ignored() -> None:
    assert read(b'{"NAME": "a", "Count": 3, "else": []}') == Thing(name="a", count=3)


def test_null_is_the_same_as_absent() -> None:
    assert read(b'{"name": "a", "count": null, "tags": null}') == Thing(name="a")


def test_what_follows_the_first_value_is_ignored() -> None:
    assert read(b'{"name": "a"} trailing').name == "a"


@pytest.mark.parametrize(
    "body", [b"{", b"nope", b'"\xff"', b'{"name": "\\ud800"}', b"[" * 100_000, b"1e", b'{"a":NaN}']
)
def test_what_is_no_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(BadRequest, match="json decoder error"):
        read(body)


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_is_told_from_a_broken_one(body: bytes) -> None:
    with pytest.raises(BadRequest, match="Expected JSON Body"):
        read(body)


@pytest.mark.parametrize(
    "body", [b"[]", b'"text"', b"7", b'{"name": 7}', b'{"name": "a", "count": "3"}', b'{"name": "a", "count": true}',
             b'{"name": "a", "count": 1.5}', b'{"name": "a", "tags": "x"}', b'{"name": "a", "tags": [1]}']
)  # fmt: skip
def test_a_wrong_type_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match="json decoder error"):
        read(body)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        read(b"{}")
    assert [(p.name, p.reason) for p in refused.value.problems] == [("name", "missing required argument")]


@pytest.mark.parametrize("inner", [b"", b'"a\\u0000b"'])
def test_a_body_nested_as_deep_as_json_may_be_is_read(inner: bytes) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        deep = opening * 1000 + (inner or b"1") + closing * 1000
        with pytest.raises(FleetError) as refused:
            read(b'{"name": "a", "tags": ' + deep + b"}")
        assert 400 <= refused.value.status < 500


@pytest.mark.parametrize("body", [b'{"name": "a\\u0000b"}', b'{"name": "a", "tags": ["x\\u0000"]}'])
def test_a_nul_character_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(FleetError, match="NUL") as refused:
        read(body)
    assert 400 <= refused.value.status < 500


@pytest.mark.parametrize("headers", [{}, {"Transfer-Encoding": "chunked"}])
def test_a_body_over_the_cap_is_refused_while_it_is_read(app: Flask, headers: dict[str, str]) -> None:
    with (
        app.test_request_context(
            "/", method="POST", data=b"x" * 2000, headers=headers, environ_overrides={"wsgi.input_terminated": True}
        ),
        pytest.raises(TooLarge),
    ):
        parsing.read_body(cap=1000)
    with app.test_request_context("/", method="POST", data=b"x" * 1000):
        assert len(parsing.read_body(cap=1000)) == 1000


def test_forms_are_read_leniently() -> None:
    assert parsing.parse_form(Thing, {"name": "a", "count": "3"}) == Thing(name="a", count=3)
    with pytest.raises(Invalid) as refused:
        parsing.parse_form(Thing, {"name": "a", "count": "three"})
    assert refused.value.problems[0].name == "count"
