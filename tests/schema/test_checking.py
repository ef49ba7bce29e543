"""SQL is checked against the schema before any host runs it."""

import pytest

from fleet.schema import check


def test_good_sql_says_what_it_uses_and_where_it_works() -> None:
    found = check("SELECT * FROM os_version, kernel_info")
    assert found.errors == found.warnings == ()
    assert found.tables == ("kernel_info", "os_version")
    assert found.platforms == ("darwin", "linux", "windows")


def test_tables_behind_a_common_table_expression_are_found() -> None:
    assert check("WITH x AS (SELECT * FROM apps) SELECT * FROM x").tables == ("apps",)


def test_constants_work_everywhere() -> None:
    assert check("select 1;").platforms == ("chrome", "darwin", "linux", "windows")


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("", "The query is empty"),
        ("  -- nothing", "The query is empty"),
        ("SELECT FROM users", 'near "FROM": syntax error'),
        ("SELECT nope FROM users", "no such column: nope"),
        ("SELECT nope(1)", "no such function: nope"),
        ("SELECT * FROM users WHERE", "incomplete input"),
        ("DELETE FROM users", "Only SELECT is allowed"),
        ("SELECT 1; ATTACH 'x' AS y", "Only SELECT is allowed"),
        ("VACUUM", "Only SELECT is allowed"),
        ("SELECT :name", "parameters like ? and :name have no value"),
        ("SELECT '\0'", "The query holds a NUL character"),
        ("SELECT '\udfff'", "SQL is not valid Unicode"),
        ("SELECT '" + "x" * 70_000 + "'", "The query is longer than 64 KB"),
    ],
)
def test_errors(sql: str, error: str) -> None:
    assert check(sql).errors == (error,)


@pytest.mark.parametrize(
    ("sql", "warning"),
    [
        ("SELECT * FROM acme_things", "Unknown table acme_things"),
        ("SELECT * FROM file", "gives rows only when WHERE constrains directory or path"),
        ("SELECT * FROM process_events", "holds events"),
        ("SELECT 1; SELECT 2", "Several statements"),
        ("SELECT * FROM apps, programs", "No platform has all of these tables"),
    ],
)
def test_warnings_do_not_forbid(sql: str, warning: str) -> None:
    found = check(sql)
    assert found.errors == ()
    assert any(warning in text for text in found.warnings)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file WHERE path = '/etc/hosts'",
        "SELECT * FROM file WHERE directory LIKE '/etc/%'",
        "SELECT h.md5 FROM processes p JOIN hash h ON h.path = p.path",
        "SELECT * FROM file WHERE path IN (SELECT path FROM processes)",
    ],
)
def test_a_constrained_column_needs_no_warning(sql: str) -> None:
    assert check(sql).warnings == ()


def test_window_functions_filters_and_row_values_are_sql_too() -> None:
    sql = """SELECT name, row_number() OVER (ORDER BY name), count(*) FILTER (WHERE uid > 0)
             FROM processes WHERE (uid, gid) = (0, 0) GROUP BY name"""
    assert check(sql).errors == ()


def test_as_many_alternatives_as_osquery_takes_are_no_error() -> None:
    sql = "SELECT path FROM file WHERE " + " OR ".join(f"path = '/{number}'" for number in range(900))  # noqa: S608
    assert check(sql).errors == ()


def test_nothing_is_run() -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    assert check(endless).errors == ()
