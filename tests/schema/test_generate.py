"""The schema comes from osquery's table specifications, which are read and never run."""

import json
from pathlib import Path

import pytest

from fleet.schema import generate, tables

SPEC = """
table_name("things", aliases=["stuff"])
description("Things of
a kind.")
schema([
    Column("path", TEXT, "Where it is", required=True, index=True, optimized=True),
    Column("size", BIGINT, "How big it is", collate="version"),
    ForeignKey(column="path", table="other"),
])
extended_schema(WINDOWS, [Column("sid", TEXT, "Whose it is")])
extended_schema(LINUX + DARWIN, [Column("inode", BIGINT, "Its number", hidden=True)])
attributes(event_subscriber=True, cacheable=True)
implementation("things@genThings")
examples(["select * from things where path = '/'"])
""".replace("Things of\na", "Things of a")


def test_a_spec_becomes_a_table() -> None:
    table = generate.parse_spec(SPEC, ("darwin", "linux"))
    assert table["name"] == "things"
    assert table["description"] == "Things of a kind."
    assert table["platforms"] == ["darwin", "linux"]
    assert table["evented"] is True
    assert table["examples"] == ["select * from things where path = '/'"]
    assert table["columns"] == [
        {"name": "path", "type": "text", "description": "Where it is", "required": True, "index": True},
        {"name": "size", "type": "bigint", "description": "How big it is", "collate": "version"},
        {"name": "sid", "type": "text", "description": "Whose it is", "platforms": ["windows"]},
        {
            "name": "inode",
            "type": "bigint",
            "description": "Its number",
            "hidden": True,
            "platforms": ["darwin", "linux"],
        },
    ]


def test_a_table_with_required_columns_is_not_cacheable() -> None:
    assert "cacheable" not in generate.parse_spec(SPEC, ("linux",))


@pytest.mark.parametrize(
    "text",
    [
        'table_name("x")',
        'table_name(__import__("os").getcwd())\nschema([Column("a", TEXT)])',
        'table_name("x")\nextended_schema(BEOS, [Column("a", TEXT)])',
        'table_name("x")\nschema(7)',
    ],
)
def test_a_broken_spec_is_refused(text: str) -> None:
    with pytest.raises((generate.SpecError, ValueError)):
        generate.parse_spec(text, ("linux",))


def test_platforms_come_from_the_build_file_and_else_from_the_folder(tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    for name in ("one", "darwin/two", "posix/three", "linux/four", "example"):
        path = specs / f"{name}.table"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'table_name("{path.stem}")\nschema([Column("a", TEXT)])')
    (specs / "CMakeLists.txt").write_text('set(files "linux/four.table:linux,macos")')
    found = {str(table["name"]): table["platforms"] for table in generate.read_specs(tmp_path)}
    assert found == {
        "one": ["darwin", "linux", "windows"],
        "two": ["darwin"],
        "three": ["darwin", "linux"],
        "four": ["darwin", "linux"],
    }


def test_the_file_reads_back_as_it_was_written() -> None:
    table = generate.parse_spec(SPEC, ("linux",))
    document = json.loads(generate.rendered({"licence": generate.LICENCE}, [table]))
    assert document == {"licence": "Apache-2.0 OR GPL-2.0-only", "tables": [table]}


def test_the_schema_names_its_source_and_licence() -> None:
    head = json.loads(generate.OUTPUT.read_text("utf-8"))
    assert head["licence"] == "Apache-2.0 OR GPL-2.0-only"
    assert head["version"]
    assert len(head["commit"]) == 40


def test_the_schema_has_osquerys_and_fleetds_tables() -> None:
    known = tables()
    assert len(known) > 320
    assert known["file"].required == {"path", "directory"}
    assert known["process_events"].evented
    assert known["apps"].platforms == ("darwin",)
    assert "orbit_info" in known
    assert known["disk_info"].platforms == ("chrome", "windows")
    assert {column.name for column in known["users"].columns} >= {"uid", "username", "type", "email"}
    assert list(known) == sorted(known)
