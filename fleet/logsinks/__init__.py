"""Where the logs of hosts go."""

from pathlib import Path
from typing import NamedTuple, Protocol

from fleet.logsinks.filesystem import FileSink
from fleet.logsinks.rotation import Rotation
from fleet.logsinks.stdout import StdoutSink
from fleet.settings import Settings


class Sink(Protocol):
    """Takes lines of one kind of log."""

    def write(self, lines: list[bytes]) -> None:
        """Write lines; they are safe from the end of this process when it returns. Else `OSError`."""

    def rotate(self) -> None:
        """Start a new file now, if the settings say that files are rotated."""

    def close(self) -> None:
        """Let go of the file."""


class Sinks(NamedTuple):
    """Where the two kinds go."""

    status: Sink
    result: Sink


def open_sinks(settings: Settings) -> Sinks:
    """The sinks that the settings ask for; files are opened when the first line comes."""
    logs = settings.data_dir / "logs"
    files = settings.filesystem
    return Sinks(
        status=_open(settings, settings.osquery.status_log_plugin, files.status_log_file or logs / "status.log"),
        result=_open(settings, settings.osquery.result_log_plugin, files.result_log_file or logs / "result.log"),
    )


def _open(settings: Settings, plugin: str, path: Path) -> Sink:
    if plugin == "stdout":
        return StdoutSink()
    return FileSink(path, Rotation.of(settings.filesystem))
