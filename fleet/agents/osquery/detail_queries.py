"""What every host is asked about itself: one row a query. To ask more, add a row."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection

from fleet.app_config.schemas import Features
from fleet.hosts import ingest
from fleet.hosts.ingest import Columns, Rows
from fleet.hosts.platforms import LINUX

PREFIX = "fleet_detail_query_"
ALWAYS = "SELECT 1"
"""The discovery query of whatever needs none: with one query discovered, osqueryd runs only discovered ones."""

UNIX = LINUX | {"darwin"}
WINDOWS = frozenset(("windows",))
CHROME = frozenset(("chrome",))

ToColumns = Callable[[Rows, str], Columns]
"""From the rows and the address of the caller to columns of the host."""

Write = Callable[[Connection, int, Rows], None]
"""Writes rows to a table of their own."""


def table(name: str) -> str:
    """The discovery query that asks whether the agent has a table."""
    return f"SELECT 1 FROM osquery_registry WHERE active = true AND registry = 'table' AND name = '{name}';"  # noqa: S608 - sent to hosts; names are literals


def always(_features: Features) -> bool:
    """Asked whatever the features say."""
    return True


class DetailQuery(NamedTuple):
    """One query, who is asked, and where the answer goes: to columns of the host, or by `write` elsewhere."""

    name: str
    sql: str
    platforms: frozenset[str] | None  # none: all
    to_columns: ToColumns | None = None
    write: Write | None = None
    discovery: str = ALWAYS
    enabled: Callable[[Features], bool] = always
    critical: bool = False  # asked alone while `refetch_critical_queries_until` lies ahead

    def asks(self, platform: str) -> bool:
        """Whether hosts of this platform are asked."""
        return self.platforms is None or platform in self.platforms


def _interface(gateway: str, kind: str) -> str:
    return f"""SELECT
    ia.address,
    id.mac
FROM
    interface_addresses ia
    JOIN interface_details id ON id.interface = ia.interface
    JOIN routes r ON r.interface = {gateway}
WHERE
    r.destination = '0.0.0.0' AND r.netmask = 0
    AND r.type = '{kind}'
    AND (
        inet_aton(ia.address) IS NOT NULL AND (
            split(ia.address, '.', 0) = '10'
            OR (split(ia.address, '.', 0) = '172' AND (CAST(split(ia.address, '.', 1) AS INTEGER) & 0xf0) = 16)
            OR (split(ia.address, '.', 0) = '192' AND split(ia.address, '.', 1) = '168')
        )
        OR (inet_aton(ia.address) IS NULL AND regex_match(lower(ia.address), '^f[cd][0-9a-f][0-9a-f]:[0-9a-f:]+', 0) \
IS NOT NULL)
    )
ORDER BY
    r.metric ASC,
    inet_aton(ia.address) IS NOT NULL DESC
LIMIT 1;"""  # noqa: S608 - sent to hosts; both parts are literals below


DETAIL_QUERIES = (
    DetailQuery("os_version", "SELECT * FROM os_version LIMIT 1", None, ingest.os_version),
    DetailQuery(
        "os_version_windows",
        "SELECT\n    os.name,\n    os.version\nFROM\n    os_version os",
        WINDOWS,
        ingest.os_version_windows,
    ),
    DetailQuery(
        "osquery_flags",
        'select name, value from osquery_flags where name in ("distributed_interval", "config_tls_refresh", '
        '"config_refresh", "logger_tls_period")',
        None,
        ingest.osquery_flags,
    ),
    DetailQuery("osquery_info", "select * from osquery_info limit 1", None, ingest.osquery_info),
    DetailQuery("system_info", "select * from system_info limit 1", None, ingest.system_info),
    DetailQuery("uptime", "select * from uptime limit 1", None, ingest.uptime),
    DetailQuery("network_interface_unix", _interface("ia.interface", "gateway"), UNIX, ingest.network_interface),
    DetailQuery("network_interface_windows", _interface("ia.address", "remote"), WINDOWS, ingest.network_interface),
    DetailQuery(
        "network_interface_chrome",
        "SELECT ipv4 AS address, mac FROM network_interfaces LIMIT 1",
        CHROME,
        ingest.network_interface,
    ),
    DetailQuery(
        "disk_space_unix",
        "SELECT (blocks_available * 100 / blocks) AS percent_disk_space_available,\n"
        "       round((blocks_available * blocks_size *10e-10),2) AS gigs_disk_space_available\n"
        "FROM mounts WHERE path = '/' LIMIT 1;",
        UNIX,
        write=ingest.disk_space,
    ),
    DetailQuery(
        "disk_space_windows",
        "SELECT ROUND((sum(free_space) * 100 * 10e-10) / (sum(size) * 10e-10)) AS percent_disk_space_available,\n"
        "       ROUND(sum(free_space) * 10e-10) AS gigs_disk_space_available\n"
        "FROM logical_drives WHERE file_system = 'NTFS' LIMIT 1;",
        WINDOWS,
        write=ingest.disk_space,
    ),
)
"""In the order in which answers are taken: os_version first, because others depend on the platform."""

BY_NAME = {query.name: query for query in DETAIL_QUERIES}


def asked(features: Features) -> dict[str, DetailQuery]:
    """The queries that are asked by these features, with the SQL that an override gives them."""
    overrides = features.detail_query_overrides or {}
    queries = {}
    for query in DETAIL_QUERIES:
        sql = overrides.get(query.name, query.sql)
        if sql is not None and query.enabled(features):
            queries[query.name] = query._replace(sql=sql)
    return queries
