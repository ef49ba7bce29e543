"""Writes osquery_tables.json from a checkout of osquery: python -m fleet.schema.generate PATH."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OUTPUT = Path(__file__).with_name("osquery_tables.json")
LICENCE = "Apache-2.0 OR GPL-2.0-only"
COPYRIGHT = "Copyright (c) 2014-present, The osquery authors"
SPECS_URL = "https://github.com/osquery/osquery/blob/master/specs"

Document = dict[str, object]

# What the folders of specs/ and the names of its macros mean; CMakeLists.txt overrules the folder.
FOLDERS = {
    "linux": ("linux",),
    "darwin": ("darwin",),
    "windows": ("windows",),
    "posix": ("darwin", "linux"),
    "linwin": ("linux", "windows"),
    "macwin": ("darwin", "windows"),
}
EVERYWHERE = ("darwin", "linux", "windows")
MACROS = {"LINUX": ["linux"], "DARWIN": ["darwin"], "WINDOWS": ["windows"], "POSIX": ["darwin", "linux"]}
COLUMN_OPTIONS = ("required", "index", "hidden", "additional", "optimized")
NOT_CACHEABLE = {"required", "additional", "optimized"}
CMAKE_SPEC = re.compile(r'"([\w/]+\.table):([\w,]+)"')


class SpecError(ValueError):
    """A .table file that does not follow the specification language."""


def parse_spec(text: str, platforms: tuple[str, ...]) -> Document:
    """One table of the schema from the text of its .table file; the text is read, never run."""
    table: Document = {"name": "", "description": "", "platforms": list(platforms), "columns": []}
    columns: list[Document] = []
    for call in _calls(ast.parse(text).body):
        name = _callee(call)
        if name == "table_name":
            table["name"] = _text(call.args[0])
        elif name == "description":
            table["description"] = _text(call.args[0])
        elif name == "schema":
            columns += _columns(call.args[0])
        elif name == "extended_schema":
            columns += [{**column, "platforms": _macro(call.args[0])} for column in _columns(call.args[1])]
        elif name == "attributes":
            table |= _attributes(call)
        elif name == "examples":
            table["examples"] = [_text(example) for example in _list(call.args[0])]
        elif name == "notes":
            table["notes"] = _text(call.args[0])
    if not table["name"] or not columns:
        raise SpecError("a table needs a name and columns")
    if any(column.pop("uncacheable", False) for column in columns):
        table.pop("cacheable", None)
    table["columns"] = columns
    return table


def read_specs(checkout: Path) -> list[Document]:
    """All tables of a checkout, sorted by name."""
    specs = checkout / "specs"
    built = {
        path: tuple(sorted(platforms.replace("macos", "darwin").split(",")))
        for path, platforms in CMAKE_SPEC.findall((specs / "CMakeLists.txt").read_text("utf-8"))
    }
    tables = []
    for path in sorted(specs.rglob("*.table")):
        if path.name == "example.table":
            continue
        relative = path.relative_to(specs).as_posix()
        platforms = built.get(relative) or FOLDERS.get(path.parent.name, EVERYWHERE)
        try:
            table = parse_spec(path.read_text("utf-8"), platforms)
        except (SpecError, SyntaxError) as error:
            raise SpecError(f"{relative}: {error}") from error
        tables.append({**table, "url": f"{SPECS_URL}/{relative}"})
    return sorted(tables, key=lambda table: str(table["name"]))


def head(checkout: Path) -> Document:
    """Where the tables come from, and under which licence."""
    return {
        "source": "https://github.com/osquery/osquery/tree/master/specs",
        "version": _git(checkout, "describe", "--tags", "--always"),
        "commit": _git(checkout, "rev-parse", "HEAD"),
        "licence": LICENCE,
        "copyright": COPYRIGHT,
    }


def rendered(about: Document, tables: list[Document]) -> str:
    """The data file: one line for each table, so that a new version of osquery makes a readable diff."""
    lines = ",\n".join(json.dumps(table, ensure_ascii=False, separators=(",", ":")) for table in tables)
    opening = json.dumps(about, ensure_ascii=False, indent=1).removesuffix("\n}")
    return f'{opening},\n "tables": [\n{lines}\n]}}\n'


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _calls(body: list[ast.stmt]) -> Iterator[ast.Call]:
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            yield statement.value


def _callee(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _list(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.List | ast.Tuple):
        raise SpecError("a list was expected")
    return node.elts


def _text(node: ast.expr) -> str:
    value = ast.literal_eval(node)
    if not isinstance(value, str):
        raise SpecError("a text was expected")
    return " ".join(value.split())


def _macro(node: ast.expr) -> list[str]:
    """The platforms of LINUX, or of LINUX + DARWIN."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return sorted({*_macro(node.left), *_macro(node.right)})
    if isinstance(node, ast.Name) and node.id in MACROS:
        return MACROS[node.id]
    raise SpecError("extended_schema names an unknown platform")


def _columns(node: ast.expr) -> list[Document]:
    return [_column(call) for call in _list(node) if isinstance(call, ast.Call) and _callee(call) == "Column"]


def _column(call: ast.Call) -> Document:
    kind = call.args[1]
    if not isinstance(kind, ast.Name):
        raise SpecError("the type of a column is a name")
    options = {word.arg: word.value for word in call.keywords if word.arg}
    column: Document = {"name": _text(call.args[0]), "type": kind.id.lower()}
    described = call.args[2] if len(call.args) > 2 else options.get("description")
    if described is not None:
        column["description"] = _text(described)
    flags = {name for name in COLUMN_OPTIONS if name in options and ast.literal_eval(options[name]) is True}
    column |= {name: True for name in COLUMN_OPTIONS if name in flags and name != "optimized"}
    if "collate" in options:
        column["collate"] = _text(options["collate"]).lower()
    if flags & NOT_CACHEABLE:
        column["uncacheable"] = True
    return column


def _attributes(call: ast.Call) -> Document:
    said = {word.arg: ast.literal_eval(word.value) for word in call.keywords if word.arg}
    found: Document = {}
    if said.get("event_subscriber"):
        found["evented"] = True
    if said.get("cacheable"):
        found["cacheable"] = True
    return found


def main(arguments: list[str]) -> int:
    """Write the data file; 2 when called wrongly."""
    if len(arguments) != 1:
        print("usage: python -m fleet.schema.generate PATH_TO_OSQUERY_CHECKOUT", file=sys.stderr)
        return 2
    tables = read_specs(Path(arguments[0]))
    OUTPUT.write_text(rendered(head(Path(arguments[0])), tables), "utf-8")
    print(f"{OUTPUT}: {len(tables)} tables")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
