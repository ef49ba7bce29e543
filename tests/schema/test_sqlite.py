"""SQL over a source: constraints go down, results are texts, and nothing can be changed."""

import time
from collections.abc import Iterable, Sequence

import pytest

from fleet.schema import Constraint, Database, Failed, Limits, NoRows, Operator, Row, TimedOut, TooMuch


class Source:
    """Three users, and files that exist as soon as they are asked for."""

    constrained = frozenset(("file",))

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[Constraint, ...]]] = []

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        self.asked.append((table, tuple(constraints)))
        if table == "users":
            return [{"uid": number, "gid": number % 2, "username": f"user{number}"} for number in range(3)]
        if table == "groups":
            return [{"gid": 0, "groupname": "even"}, {"gid": 1, "groupname": "odd"}]
        if table == "file":
            return [_file(c) for c in constraints if c.operator is Operator.EQUALS]
        return []


def _file(constraint: Constraint) -> Row:
    path = constraint.value if constraint.column == "path" else f"{constraint.value}/x"
    return {"path": path, "directory": path.rpartition("/")[0], "size": 1.5}


@pytest.fixture
def source() -> Source:
    return Source()


def test_tables_join_and_are_read_once(source: Source) -> None:
    sql = "SELECT username, groupname FROM users JOIN groups USING (gid) ORDER BY uid"
    assert Database().run(sql, source).rows == [
        {"username": "user0", "groupname": "even"},
        {"username": "user1", "groupname": "odd"},
        {"username": "user2", "groupname": "even"},
    ]
    assert sorted(table for table, _ in source.asked) == ["groups", "users"]


def test_a_table_is_read_once_however_often_it_is_scanned(source: Source) -> None:
    assert Database().run("SELECT count(*) AS n FROM users a, users b", source).rows == [{"n": "9"}]
    assert len(source.asked) == 1


def test_an_index_finds_numbers_and_texts_alike(source: Source) -> None:
    database = Database()
    for literal in ("1", "'1'", "1.0"):
        sql = f"SELECT username FROM users WHERE uid = {literal}"  # noqa: S608
        assert database.run(sql, source).rows == [{"username": "user1"}]


class Collated(Source):
    """Values that SQL compares otherwise than letter by letter."""

    def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
        if table == "rpm_packages":
            return [{"name": "old", "version": "1.9"}, {"name": "new", "version": "1.10"}]
        return [{"username": "ann", "uuid": "ABCD"}]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT name AS it FROM rpm_packages WHERE version > '1.9'", "new"),
        ("SELECT name AS it FROM rpm_packages WHERE version = '1.010'", "new"),
        ("SELECT username AS it FROM users WHERE uuid = 'abcd'", "ann"),
    ],
)
def test_columns_compare_as_osquery_declares_them(sql: str, found: str) -> None:
    assert Database().run(sql, Collated()).rows == [{"it": found}]


@pytest.mark.parametrize(
    "where",
    ["path = '/a' OR path = '/b'", "path IN ('/a', '/b')", "path IN (SELECT '/a' UNION SELECT '/b')"],
)
def test_every_way_to_name_two_files_gives_both(source: Source, where: str) -> None:
    rows = Database().run(f"SELECT path FROM file WHERE {where} ORDER BY path", source).rows  # noqa: S608
    assert rows == [{"path": "/a"}, {"path": "/b"}]


def test_a_row_found_in_two_ways_comes_once_and_others_too(source: Source) -> None:
    sql = "SELECT path FROM file WHERE path = '/d/x' OR directory = '/d' OR path = '/a' ORDER BY path"
    assert Database().run(sql, source).rows == [{"path": "/a"}, {"path": "/d/x"}]


def test_a_pattern_reaches_the_source(source: Source) -> None:
    Database().run("SELECT path FROM file WHERE path LIKE '/etc/%'", source)
    assert source.asked == [("file", (Constraint("path", Operator.LIKE, "/etc/%"),))]


def test_cells_are_texts_and_null_is_empty(source: Source) -> None:
    result = Database().run("SELECT 1 AS a, 2.0 AS b, NULL AS c, x'41' AS d, 'é' AS e", source)
    assert result.rows == [{"a": "1", "b": "2.0", "c": "", "d": "A", "e": "é"}]
    assert result.columns == ("a", "b", "c", "d", "e")


def test_every_table_exists_and_is_empty() -> None:
    assert Database().run("SELECT * FROM certificates, apps, programs", NoRows()).rows == []


def test_columns_of_other_platforms_are_hidden_but_there() -> None:
    for platform, shown in (("linux", False), ("windows", True)):
        columns = Database(platform).run("SELECT * FROM users UNION SELECT * FROM users", NoRows()).columns
        assert ("type" in columns) is shown
    assert Database("linux").run("SELECT type FROM users", NoRows()).rows == []


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT * FROM nope", "no such table: nope"),
        ("SELECT nope FROM users", "no such column: nope"),
        ("SELEC 1", 'near "SELEC": syntax error'),
        ("SELECT '\ud800'", "not valid Unicode"),
        ("SELECT 1\0", "null character"),
        ("SELECT ?", "have no value"),
        ("SELECT 'x' LIKE replace(hex(zeroblob(6000)), '0', '%')", "pattern too complex"),
    ],
)
def test_errors_are_sqlites(sql: str, complaint: str) -> None:
    with pytest.raises(Failed, match=complaint):
        Database().run(sql, NoRows())


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE users",
        "CREATE TABLE x (a)",
        "CREATE TEMP TABLE x (a)",
        "INSERT INTO users (uid) VALUES (1)",
        "DELETE FROM users",
        "ATTACH '/tmp/x' AS x",
        "ATTACH ':memory:' AS x",
        "PRAGMA journal_mode = WAL",
        "VACUUM INTO '/tmp/x'",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('simple')",
        "SELECT 1; DROP TABLE users",
        "BEGIN",
    ],
)
def test_nothing_but_reading_is_allowed(sql: str) -> None:
    with pytest.raises(Failed, match="not authorized|authorization denied|may not be modified"):
        Database().run(sql, NoRows())


def test_a_query_without_end_is_stopped_and_the_next_one_runs() -> None:
    database = Database()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(TimedOut):
        database.run(endless, NoRows(), Limits(seconds=0.1))
    assert database.run("SELECT 1 AS one", NoRows()).rows == [{"one": "1"}]


def test_a_table_without_end_is_stopped() -> None:
    class Endless(Source):
        def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
            while True:
                yield {"path": "/x"}

    with pytest.raises(TimedOut):
        Database().run("SELECT count(*) FROM file WHERE path LIKE '/%'", Endless(), Limits(seconds=0.1))


def test_a_table_whose_rows_take_long_is_stopped() -> None:
    class Slow(Source):
        def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
            for _ in range(100):
                time.sleep(0.01)
                yield {"path": "/x"}

    with pytest.raises(TimedOut):
        Database().run("SELECT count(*) FROM file WHERE path LIKE '/%'", Slow(), Limits(seconds=0.1))


def test_a_table_that_never_ends_is_stopped_while_it_is_read() -> None:
    class Endless(Source):
        constrained = frozenset[str]()

        def rows(self, table: str, constraints: Sequence[Constraint]) -> Iterable[Row]:
            while True:
                yield {"username": "x"}

    with pytest.raises(TimedOut, match=r"longer than 0\.1 s"):
        Database().run("SELECT count(*) FROM users", Endless(), Limits(seconds=0.1))


@pytest.mark.parametrize(
    "sql",
    ["SELECT i, randomblob(10000) FROM n ORDER BY 2", "SELECT count(*) FROM (SELECT DISTINCT randomblob(9999) FROM n)"],
)
def test_sorting_cannot_eat_the_memory_or_the_disk(sql: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    database = Database()
    with pytest.raises(Failed, match="memory"):
        database.run(f"{endless} {sql}", NoRows(), Limits(seconds=60))
    assert database.run("SELECT 1 AS one", NoRows()).rows == [{"one": "1"}]


@pytest.mark.parametrize("limits", [Limits(rows=10), Limits(bytes=1000)])
def test_a_result_too_large_is_refused(limits: Limits) -> None:
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"
    with pytest.raises(TooMuch):
        Database().run(sql, NoRows(), limits)


def test_one_cell_cannot_eat_the_memory() -> None:
    with pytest.raises(Failed, match="too big"):
        Database().run("SELECT length(zeroblob(1000000000) || 'x')", NoRows())
