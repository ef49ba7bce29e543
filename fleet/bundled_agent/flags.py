"""osqueryd's flags: the defaults, what the command line says, and what the server's options change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag as osquery_flags describes it; a flag that is no option is set on the command line only."""

    type: str
    default: str
    description: str
    option: bool = True


FLAGS = {
    "config_plugin": Flag("string", "tls", "Config plugin name", option=False),
    "config_refresh": Flag("uint64", "60", "Seconds between two reads of the configuration"),
    "config_tls_endpoint": Flag("string", "/api/v1/osquery/config", "TLS endpoint for config", option=False),
    "decorations_top_level": Flag("bool", "false", "Add decorators to the top level of log lines"),
    "disable_distributed": Flag("bool", "false", "Do not ask for distributed queries"),
    "distributed_interval": Flag("uint64", "10", "Seconds between two polls for distributed queries"),
    "distributed_denylist_duration": Flag("uint64", "86400", "Seconds that a bad query is denylisted"),
    "distributed_plugin": Flag("string", "tls", "Distributed plugin name", option=False),
    "distributed_tls_max_attempts": Flag("uint64", "3", "Attempts to reach a distributed endpoint"),
    "distributed_tls_read_endpoint": Flag(
        "string", "/api/v1/osquery/distributed/read", "TLS endpoint for distributed queries", option=False
    ),
    "distributed_tls_write_endpoint": Flag(
        "string", "/api/v1/osquery/distributed/write", "TLS endpoint for their results", option=False
    ),
    "enroll_tls_endpoint": Flag("string", "/api/v1/osquery/enroll", "TLS endpoint to enroll", option=False),
    "host_identifier": Flag("string", "uuid", "What identifies this host", option=False),
    "logger_event_type": Flag("bool", "true", "Log scheduled results as events"),
    "logger_plugin": Flag("string", "tls", "Logger plugin name"),
    "logger_snapshot_event_type": Flag("bool", "false", "Log snapshot results as events"),
    "logger_tls_compress": Flag("bool", "true", "Compress logs that are sent"),
    "logger_tls_endpoint": Flag("string", "/api/v1/osquery/log", "TLS endpoint for logs"),
    "logger_tls_max_lines": Flag("uint64", "1024", "Log lines that one request carries at most"),
    "logger_tls_period": Flag("uint64", "10", "Seconds between two sendings of logs"),
    "pack_delimiter": Flag("string", "_", "Between the names of pack and query"),
    "pack_refresh_interval": Flag("uint64", "3600", "Seconds that a pack's discovery is remembered"),
    "schedule_default_interval": Flag("uint64", "3600", "Interval of a query that names none"),
    "schedule_epoch": Flag("uint64", "0", "Epoch of differential results"),
    "schedule_splay_percent": Flag("uint64", "10", "Percent by which intervals are spread"),
}


# Former names that osqueryd still takes.
ALIASES = {"config_tls_refresh": "config_refresh"}


class Flags:
    """The values of one agent. Only what differs from the defaults is kept."""

    __slots__ = ("_pinned", "_set")

    def __init__(self, command_line: Mapping[str, str] | None = None, pinned: Iterable[str] = ()) -> None:
        """Pinned flags keep what the command line says, whatever the server's options want."""
        self._set: Mapping[str, str] = command_line or {}
        self._pinned = frozenset(pinned)

    def copy(self) -> "Flags":
        """The same values for another agent."""
        return Flags(self._set, self._pinned)

    def obey(self, options: Mapping[str, object]) -> None:
        """Take the options of a configuration; unknown ones and those of the command line are left."""
        changed = {
            name: written
            for alias, value in options.items()
            if (name := ALIASES.get(alias, alias)) in FLAGS
            and FLAGS[name].option
            and name not in self._pinned
            and (written := _written(value, FLAGS[name])) is not None
        }
        if changed:
            self._set = {**self._set, **changed}

    def text(self, name: str) -> str:
        """The value of a flag."""
        return self._set.get(name, FLAGS[name].default)

    def number(self, name: str) -> float:
        """The value of a flag that counts something."""
        return float(self.text(name))

    def on(self, name: str) -> bool:
        """The value of a flag that is true or false."""
        return self.text(name) == "true"

    def rows(self) -> list[dict[str, str]]:
        """The table osquery_flags."""
        return [
            {
                "name": name,
                "type": flag.type,
                "description": flag.description,
                "default_value": flag.default,
                "value": self.text(name),
                "shell_only": "0",
            }
            for name, flag in sorted(FLAGS.items())
        ]


def _written(value: object, flag: Flag) -> str | None:
    """How a flag writes a value of JSON; None for one that it cannot have."""
    if flag.type == "bool":
        return {"true": "true", "1": "true", "false": "false", "0": "false"}.get(str(value).lower())
    if flag.type == "uint64":
        digits = str(value)
        return digits if not isinstance(value, bool) and digits.isdecimal() and len(digits) < 15 else None
    return value if isinstance(value, str) else None
