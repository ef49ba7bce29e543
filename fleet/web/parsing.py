"""What was sent becomes a checked shape, or an error that names the field."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from flask import g, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import RequestEntityTooLarge

from fleet.errors import BadRequest, FleetError, Invalid, Problem, TooLarge
from fleet.web.gzip import gunzip

MB = 1 << 20
DEFAULT_CAP = 1 * MB
"""Bytes of a body, on the wire and after inflating, unless the route says otherwise."""

Shape = TypeVar("Shape", bound=BaseModel)

UNREADABLE = "json decoder error"


def decode(body: bytes) -> Any:
    """The first JSON value of a body; what follows it is ignored."""
    if not body.strip():
        raise BadRequest("Expected JSON Body")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        text = body.decode().lstrip()
        _, end = json.JSONDecoder().raw_decode(text)
        return orjson.loads(text[:end])
    except (ValueError, RecursionError):
        raise BadRequest(UNREADABLE) from None


def read_body(cap: int = DEFAULT_CAP) -> bytes:
    """The bytes of the request's body, inflated where it says gzip, bounded either way."""
    request.max_content_length = cap + 1  # past it werkzeug cuts a body of unknown length without a word
    if (request.content_length or 0) > cap:
        raise TooLarge.than(cap)
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise TooLarge.than(cap) from None
    if len(body) > cap:
        raise TooLarge.than(cap)
    return gunzip(body, cap) if request.headers.get("Content-Encoding") == "gzip" else body


def parse(shape: type[Shape]) -> Shape:
    """The JSON body of the request, which its door has read, as `shape`; a body of `null` is an empty object."""
    return validate(shape, decode(g.get("body", b"")))


def validate(shape: type[Shape], value: Any) -> Shape:
    """A decoded JSON value as `shape`: wrong types are a `BadRequest`, unacceptable values are `Invalid`."""
    try:
        return shape.model_validate({} if value is None else value)
    except ValidationError as refused:
        raise refusal(refused.errors(include_url=False)) from None


def parse_form(shape: type[Shape], values: dict[str, Any] | None = None) -> Shape:
    """The submitted form as `shape`, read leniently: "7" is a number, "on" is true; empty fields are absent."""
    sent = values if values is not None else request.form.to_dict()
    filled = {key: value for key, value in sent.items() if value != ""}
    try:
        return shape.model_validate(filled, strict=False)
    except ValidationError as refused:
        raise Invalid(_problems(refused.errors(include_url=False))) from None


def parse_form_in_part(
    shape: type[Shape], values: Mapping[str, Any], faults: Callable[[Shape], list[Problem]]
) -> tuple[Shape, list[Problem]]:
    """As much of a form as can be read, with all that is wrong: what cannot be read, and of the rest what `faults`
    finds. So that a form is refused once, and not field by field."""
    found: list[Problem] = []
    try:
        read = parse_form(shape, dict(values))
    except Invalid as refused:
        found = list(refused.problems)
        wrong = {problem.name for problem in found}
        read = parse_form(shape, {name: value for name, value in values.items() if name not in wrong})
    unread = {problem.name for problem in found}
    return read, found + [problem for problem in faults(read) if problem.name not in unread]


WRONG_TYPE = ("_type", "_parsing", "_from_float", "is_instance_of")
UNREADABLE_KINDS = frozenset({"greater_than_equal", "int_parsing_size", "enum", "literal_error"})


def refusal(errors: Sequence[ErrorDetails]) -> FleetError:
    """The error for what pydantic found: unreadable as a whole when a type is wrong, else by field."""
    if any(error["type"].endswith(WRONG_TYPE) or error["type"] in UNREADABLE_KINDS for error in errors):
        wrong = next(e for e in errors if e["type"].endswith(WRONG_TYPE) or e["type"] in UNREADABLE_KINDS)
        field = _path(wrong)
        return BadRequest([Problem("base", UNREADABLE), *([Problem(field, wrong["msg"])] if field else [])])
    return Invalid(_problems(errors))


def _path(error: ErrorDetails) -> str:
    if error["type"] == "nul":  # found in the body as a whole, before its fields are looked at
        return str(error["ctx"]["path"])
    return ".".join(str(part) for part in error["loc"])


def _problems(errors: Sequence[ErrorDetails]) -> list[Problem]:
    return [
        Problem(
            _path(error) or "base",
            "missing required argument" if error["type"] == "missing" else error["msg"],
        )
        for error in errors
    ]
