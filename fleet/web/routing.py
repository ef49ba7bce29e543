"""How paths are matched: ids, and rules that cost nothing until a URL is built from them."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.exceptions import BadRequest
from werkzeug.routing import BaseConverter, Rule

from fleet.shapes import MAX_ID

Builder = Callable[..., tuple[str, str]]


class Id(BaseConverter):
    """An id in a path: digits, and no more than a database holds."""

    regex = r"\d+"

    def to_python(self, value: str) -> int:
        """The number; one beyond 64 bits is a bad request, in the words that clients know."""
        number = int(value) if len(value) < 20 else MAX_ID + 1
        if number > MAX_ID:
            raise BadRequest("uintFromRequest")
        return number


class LazyRule(Rule):
    """A rule whose URL builder is compiled when the first URL is built: routes for programs never need one, and
    compiling all of them is most of the time that the application takes to start."""

    def _compile_builder(self, append_unknown: bool = True) -> Builder:
        compiled: list[Builder] = []

        def build(rule: Rule, *args: Any, **kwargs: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(super(LazyRule, self)._compile_builder(append_unknown))
            return compiled[0](rule, *args, **kwargs)

        return build


def install(app: Flask) -> None:
    """Teach the application how its routes are matched."""
    app.url_rule_class = LazyRule
    app.url_map.converters["id"] = Id
    app.url_map.merge_slashes = False
