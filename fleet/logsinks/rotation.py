"""When a log file is set aside, what it is then called, and how long it is kept."""

import gzip
import logging
import os
import shutil
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fleet import clock
from fleet.settings import Filesystem

log = logging.getLogger("fleet.logsinks")

FORMAT = "%Y-%m-%dT%H-%M-%S"
_TIDYING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Rotation:
    """Set aside at `max_bytes`; kept for `max_age` and at most `max_backups` of them (0: no limit)."""

    max_bytes: int
    max_age: timedelta
    max_backups: int
    compress: bool

    @classmethod
    def of(cls, settings: Filesystem) -> "Rotation | None":
        """As the settings say; none: files are never set aside."""
        if not settings.enable_log_rotation:
            return None
        return cls(
            max_bytes=settings.max_size * 1024 * 1024,
            max_age=timedelta(days=settings.max_age),
            max_backups=settings.max_backups,
            compress=settings.enable_log_compression,
        )

    def set_aside(self, path: Path) -> None:
        """Rename the file; old ones are compressed and deleted in a thread. Only the holder of its lock may do it."""
        backup = _backup(path, clock.now())
        while backup.exists() or Path(f"{backup}.gz").exists():
            time.sleep(0.001)
            backup = _backup(path, clock.now())
        os.rename(path, backup)
        threading.Thread(target=self.tidy, args=(path,), name="rotation", daemon=True).start()

    def tidy(self, path: Path) -> None:
        """Delete backups that are too many or too old, and compress the rest if asked to."""
        with _TIDYING:
            try:
                backups = _backups(path)
                for number, (at, backup) in enumerate(backups):
                    too_many = bool(self.max_backups) and number >= self.max_backups
                    too_old = bool(self.max_age) and at < clock.now() - self.max_age
                    if too_many or too_old:
                        backup.unlink(missing_ok=True)
                    elif self.compress and backup.suffix != ".gz":
                        _compress(backup)
            except OSError as error:
                log.warning("could not tidy up rotated logs: %s", error)


def _backup(path: Path, at: datetime) -> Path:
    stamp = f"{at.strftime(FORMAT)}.{at.microsecond // 1000:03d}"
    return path.with_name(f"{path.stem}-{stamp}{path.suffix}")


def _backups(path: Path) -> list[tuple[datetime, Path]]:
    """The files that were set aside, youngest first."""
    found = []
    for candidate in path.parent.iterdir():
        name = candidate.name.removesuffix(".gz")
        if not name.startswith(f"{path.stem}-") or not name.endswith(path.suffix):
            continue
        stamp = name[len(path.stem) + 1 : len(name) - len(path.suffix)]
        try:
            found.append((datetime.strptime(stamp, f"{FORMAT}.%f").replace(tzinfo=UTC), candidate))
        except ValueError:
            continue  # a neighbour's file
    return sorted(found, reverse=True)


def _compress(backup: Path) -> None:
    unfinished = backup.with_name(f".{backup.name}.gz")
    try:
        with backup.open("rb") as source, gzip.open(unfinished, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        os.chmod(unfinished, backup.stat().st_mode & 0o777)
        os.rename(unfinished, f"{backup}.gz")
        backup.unlink()
    finally:
        unfinished.unlink(missing_ok=True)
