"""Runs SQL over hosts: one database for each platform, and answers that many hosts share."""

from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache
from typing import Protocol

from fleet.schema import Database, Failed, Limits, Prepared, Result, Source

SHARED_ANSWERS_MAX = 4096
SHARED_ROWS_MAX = 200
# Functions whose answer differs from run to run, whatever the tables hold.
VOLATILE = frozenset(
    ("random", "randomblob", "date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff",
     "current_date", "current_time", "current_timestamp", "changes", "total_changes", "last_insert_rowid")
)  # fmt: skip


class Host(Source, Protocol):
    """A source that knows which of its tables other hosts have word for word."""

    @property
    def platform(self) -> str:
        """darwin, linux, windows or chrome."""

    def scope(self, table: str) -> Hashable | None:
        """Equal for hosts whose rows of the table are equal; None when they are the host's own."""


class Engine:
    """Shared by all hosts of a process. Not for two threads at once."""

    def __init__(self) -> None:
        self._databases: dict[str, Database] = {}
        self._answers: OrderedDict[Hashable, Result] = OrderedDict()
        self._prepare = lru_cache(maxsize=1024)(self._prepared)
        self._stopped = False

    def stop(self) -> None:
        """End the query that runs now, and let no other begin; may be called from another thread."""
        self._stopped = True
        for database in list(self._databases.values()):
            database.stop()

    def run(self, sql: str, host: Host, limits: Limits | None = None) -> Result:
        """The answer of a host; raises Failed."""
        if self._stopped:
            raise Failed("the agent is ending")
        key = self._shared_key(sql, host)
        if key is None:
            return self._database(host.platform).run(sql, host, limits)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._database(host.platform).run(sql, host, limits)
            if len(answer.rows) <= SHARED_ROWS_MAX:
                self._remember(key, answer)
        return answer

    def _remember(self, key: Hashable, answer: Result) -> None:
        self._answers[key] = answer
        if len(self._answers) > SHARED_ANSWERS_MAX:
            self._answers.popitem(last=False)

    def _shared_key(self, sql: str, host: Host) -> Hashable | None:
        """What the answer depends on, when that is not the host itself."""
        found = self._prepare(host.platform, sql)
        if found.functions & VOLATILE:
            return None
        scopes = []
        for table in sorted(found.tables):
            scope = host.scope(table)
            if scope is None:
                return None
            scopes.append(scope)
        return (sql, host.platform, *scopes)

    def _prepared(self, platform: str, sql: str) -> Prepared:
        return self._database(platform).prepare(sql)

    def _database(self, platform: str) -> Database:
        if platform not in self._databases:
            self._databases[platform] = Database(platform)
        return self._databases[platform]
