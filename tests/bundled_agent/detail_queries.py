"""The server's own detail queries, and two large ones in the manner of its software inventory."""

from fleet.agents.osquery.detail_queries import BY_NAME

CACHED_USERS = """WITH cached_users AS (WITH cached_groups AS (SELECT * FROM groups)
    SELECT uid, username, type, groupname, shell FROM users LEFT JOIN cached_groups USING (gid)
    WHERE type <> 'special' AND shell NOT LIKE '%/false' AND shell NOT LIKE '%/nologin'
    AND username NOT LIKE '%$' AND username NOT LIKE '\\_%' ESCAPE '\\'
    AND NOT (username = 'sync' AND shell = '/bin/sync' AND directory <> ''))"""

DETAIL_QUERIES = {name: query.sql for name, query in BY_NAME.items()} | {
    "users": f"{CACHED_USERS} SELECT * FROM cached_users",  # noqa: S608
    "software_linux": f"""{CACHED_USERS}
        SELECT name, version, 'deb_packages' AS source FROM deb_packages WHERE status = 'install ok installed'
        UNION SELECT name, version, 'rpm_packages' AS source FROM rpm_packages
        UNION SELECT name, version, 'npm_packages' AS source FROM npm_packages
        UNION SELECT name, version, 'chrome_extensions' AS source FROM cached_users
            CROSS JOIN chrome_extensions USING (uid)
        UNION SELECT name, version, 'python_packages' AS source FROM python_packages""",  # noqa: S608
    "mdm_windows": r"""SELECT * FROM (SELECT 'provider_id' AS key, data AS value FROM registry
        WHERE path LIKE 'HKEY_LOCAL_MACHINE\Software\Microsoft\Enrollments\%\ProviderID' LIMIT 1)""",
    "os_unix_like": "SELECT os.name, os.version, k.version AS kernel_version FROM os_version os, kernel_info k",
}
