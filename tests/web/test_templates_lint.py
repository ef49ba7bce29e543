"""What no template may hold, since the content security policy would block it or a browser would run it."""

import gzip
import re
from pathlib import Path

import pytest

from fleet.web.assets import Assets

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
COMMENT = re.compile(r"\{#.*?#\}|<!--.*?-->", re.DOTALL)

FORBIDDEN = {
    "a handler in an attribute": re.compile(r"""<[a-z][^>]*?\son[a-z]+\s*=""", re.IGNORECASE | re.DOTALL),
    "a handler of htmx": re.compile(r"\bhx-on\b|\bhx-vars\b|hx-vals=[\"']\s*js:|\bjs:", re.IGNORECASE),
    "a style attribute": re.compile(r"""\sstyle\s*=|["']style["']\s*:""", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "text that is not escaped": re.compile(r"\|\s*safe\b|\bautoescape\s+false\b|\bMarkup\("),
    "an address of another server's script or style": re.compile(
        r"""<(?:script|link)\b[^>]*?(?:src|href)\s*=\s*["']\s*(?:https?:)?//""", re.IGNORECASE | re.DOTALL
    ),
    "an address that runs script": re.compile(r"""["']\s*javascript:""", re.IGNORECASE),
}
SCRIPT = re.compile(r"<script\b([^>]*)>", re.IGNORECASE)
FORM = re.compile(r"<form\b[^>]*?\bmethod\s*=\s*[\"']post[\"'].*?</form>", re.IGNORECASE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


def text_of(path: Path) -> str:
    """The template without its comments, lines kept."""
    return COMMENT.sub(lambda found: "\n" * found[0].count("\n"), path.read_text(encoding="utf-8"))


def line_of(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1


def wrongs(text: str) -> list[str]:
    """Everything forbidden in a template, with its line."""
    found = [
        f"line {line_of(text, match)}: {what}: {match[0].strip()[:60]}"
        for what, pattern in FORBIDDEN.items()
        for match in pattern.finditer(text)
    ]
    for script in SCRIPT.finditer(text):
        if "src=" not in script[1] and 'type="application/json"' not in script[1]:
            found.append(f"line {line_of(text, script)}: a script in the page")
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_template_holds_nothing_that_the_policy_blocks(path: Path) -> None:
    assert wrongs(text_of(path)) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_a_form_that_posts_carries_a_token(path: Path) -> None:
    text = text_of(path)
    for form in FORM.finditer(text):
        assert "csrf" in form[0], f"line {line_of(text, form)}: a POST form without csrf()"


@pytest.mark.parametrize(
    "wrong",
    [
        '<button onclick="go()">',
        "<a\n onmouseover = 'x'>",
        '<p style="color:red">',
        "<style>p{}</style>",
        "{{ name|safe }}",
        "{{ name | safe }}",
        "<script>run()</script>",
        '<script type="module">run()</script>',
        '<script src="https://cdn.example/x.js"></script>',
        '<a href="javascript:run()">',
        '<div hx-on:click="x">',
        "<div hx-vals='js:{a: b}'>",
    ],
)
def test_the_check_finds(wrong: str) -> None:
    assert wrongs(wrong)


@pytest.mark.parametrize(
    "right",
    [
        '<script src="{{ asset("app.js") }}" defer></script>',
        '<script type="application/json">{}</script>',
        '<a href="/x" data-only="1">once on = off</a>',
        '<svg><rect width="10"></rect></svg>',
    ],
)
def test_the_check_lets_pass(right: str) -> None:
    assert wrongs(right) == []


def test_every_icon_that_templates_name_is_in_the_sprite() -> None:
    sprite = (ROOT / "static" / "icons.svg").read_text(encoding="utf-8")
    known = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    named: dict[str, str] = {}
    call = re.compile(
        r"""(?:\bicon(?:_name)?\s*=\s*|\bicon\(\s*|icon_button\(\s*(?:"[^"]*"|[^,()]*),\s*)"([a-z0-9-]+)\""""
    )
    for path in TEMPLATES:
        for found in call.finditer(text_of(path)):
            named.setdefault(found[1], name_of(path))
    assert {icon: where for icon, where in named.items() if icon not in known} == {}


def test_scripts_of_our_own_write_no_markup_and_evaluate_nothing() -> None:
    dangerous = re.compile(r"\.(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Func")
    for path in sorted((ROOT / "static" / "js").glob("*.js")):
        assert not dangerous.search(path.read_text(encoding="utf-8")), path.name


def test_styles_and_scripts_stay_within_the_size_budget() -> None:
    assets = Assets(ROOT / "static")
    assert len(assets.joined("app.css").packed) <= 12 * 1024
    assert len(assets.joined("app.js").packed) <= 23 * 1024
    for name, kilobytes in (("js/app.js", 6), ("icons.svg", 5)):
        assert len(gzip.compress((ROOT / "static" / name).read_bytes(), 9)) <= kilobytes * 1024, name


def test_no_style_or_script_of_our_own_is_longer_than_400_lines() -> None:
    paths = [*(ROOT / "static" / "css").glob("*.css"), *(ROOT / "static" / "js").glob("*.js")]
    assert {path.name for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > 400} == set()
