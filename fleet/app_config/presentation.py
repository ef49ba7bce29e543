"""The document as it is shown: what the role may read, secrets masked, and what the settings add."""

from datetime import timedelta
from typing import Any

from fleet.app_config.schemas import MASK, TRANSPARENCY_URL, AppConfig
from fleet.settings import Settings

HOUR = timedelta(hours=1)
MONTH = timedelta(days=30)

FOR_ADMINS = ("smtp_settings", "sso_settings", "agent_options")
"""Sections that only those see who may change the document."""


def document(config: AppConfig, *, everything: bool) -> dict[str, Any]:
    """The document, with or without the sections for admins."""
    shown = config.model_dump()
    shown["features"] = config.features.shown()
    if config.server_settings.debug_host_ids is None:
        del shown["server_settings"]["debug_host_ids"]
    if not shown["fleet_desktop"]["transparency_url"]:
        shown["fleet_desktop"]["transparency_url"] = TRANSPARENCY_URL
    _mask(shown["smtp_settings"], "password")
    for system in ("jira", "zendesk"):
        for integration in shown["integrations"][system] or []:
            _mask(integration, "api_token")
    return shown if everything else {key: value for key, value in shown.items() if key not in FOR_ADMINS}


def _mask(section: dict[str, Any], key: str) -> None:
    if section[key]:
        section[key] = MASK


def surroundings(settings: Settings, config: AppConfig) -> dict[str, Any]:
    """What the answer says beside the document: intervals, licence and logging of this server."""
    return {
        "update_interval": {
            "osquery_detail": nanoseconds(settings.osquery.detail_update_interval),
            "osquery_policy": nanoseconds(settings.osquery.policy_update_interval),
        },
        "vulnerabilities": {
            "databases_path": str(settings.data_dir / "vulnerabilities"),
            "periodicity": nanoseconds(HOUR),
            "cpe_database_url": "",
            "cpe_translations_url": "",
            "cve_feed_prefix_url": "",
            "current_instance_checks": "auto",
            "disable_data_sync": False,
            "recent_vulnerability_max_age": nanoseconds(MONTH),
            "disable_win_os_vulnerabilities": False,
        },
        "license": {
            "tier": "premium",
            "organization": config.org_info.org_name or "Fleet",
            "device_count": 1_000_000,
            "expiration": "9999-12-31T23:59:59Z",
            "note": "everything is included, for ever",
        },
        "logging": {
            "debug": settings.logging.debug,
            "json": settings.logging.json_,
            "result": _logger(settings, settings.osquery.result_log_plugin),
            "status": _logger(settings, settings.osquery.status_log_plugin),
            "audit": {"plugin": "", "config": None},
        },
    }


def _logger(settings: Settings, plugin: str) -> dict[str, Any]:
    if plugin != "filesystem":
        return {"plugin": plugin, "config": {}}
    files, logs = settings.filesystem, settings.data_dir / "logs"
    return {
        "plugin": plugin,
        "config": {
            "status_log_file": str(files.status_log_file or logs / "status.log"),
            "result_log_file": str(files.result_log_file or logs / "result.log"),
            "audit_log_file": str(logs / "audit.log"),
            "enable_log_rotation": files.enable_log_rotation,
            "enable_log_compression": files.enable_log_compression,
            "max_size": files.max_size,
            "max_age": files.max_age,
            "max_backups": files.max_backups,
        },
    }


def nanoseconds(interval: timedelta) -> int:
    """An interval in the unit that clients know."""
    return round(interval.total_seconds() * 1_000_000) * 1_000
