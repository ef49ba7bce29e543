"""Log files: whole lines, whoever writes, and what happens to the file meanwhile."""

import errno
import gzip
import itertools
import os
import stat
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fleet import clock
from fleet.logsinks import open_sinks
from fleet.logsinks.filesystem import FileSink
from fleet.logsinks.rotation import FORMAT, Rotation
from fleet.settings import Settings


def rotation(**changes: Any) -> Rotation:
    return Rotation(**({"max_bytes": 20, "max_age": timedelta(0), "max_backups": 0, "compress": False} | changes))


def backups(path: Path) -> list[Path]:
    return sorted(other for other in path.parent.iterdir() if other != path and not other.name.startswith("."))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "result.log"


def test_lines_are_appended_and_the_file_is_readable_by_others(path: Path) -> None:
    mask = os.umask(0o022)
    try:
        FileSink(path).write([b"one", b"two"])
    finally:
        os.umask(mask)
    FileSink(path).write([b"three"])
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_no_lines_leave_no_trace(path: Path) -> None:
    FileSink(path).write([])
    assert not path.exists()


def test_a_file_that_disappears_or_is_moved_is_made_again(path: Path) -> None:
    sink = FileSink(path)
    sink.write([b"one"])
    path.unlink()
    sink.write([b"two"])
    assert path.read_bytes() == b"two\n"
    path.rename(path.with_name("moved"))
    sink.write([b"three"])
    assert path.read_bytes() == b"three\n"
    assert path.with_name("moved").read_bytes() == b"two\n"
    path.rename(path.with_name("moved again"))
    path.touch()  # as logrotate does it
    sink.write([b"four"])
    assert path.read_bytes() == b"four\n"


def test_many_writers_never_mix_their_lines(path: Path) -> None:
    sinks = [FileSink(path, rotation(max_bytes=4000)) for _ in range(4)]
    expected = sorted(f"{number}-{line}-{'x' * 50}".encode() for number in range(4) for line in range(500))

    def work(number: int) -> None:
        for line in range(500):
            sinks[number].write([f"{number}-{line}-{'x' * 50}".encode()])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [line for file in path.parent.iterdir() for line in file.read_bytes().splitlines()]
    assert sorted(found) == expected
    assert len(backups(path)) >= 2
    assert max(file.stat().st_size for file in path.parent.iterdir()) <= 4000


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = FileSink(path)
    sink.write([b"one"])
    real = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) > 10:
            return real(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        sink.write([b"two, which is longer"])
    monkeypatch.undo()
    sink.write([b"three"])
    assert path.read_bytes() == b"one\nthree\n"


def test_a_file_is_set_aside_before_it_gets_too_large(path: Path) -> None:
    sink = FileSink(path, rotation())
    sink.write([b"0123456789"])
    sink.write([b"01234567"])
    assert backups(path) == []
    sink.write([b"x"])
    assert path.read_bytes() == b"x\n"
    (backup,) = backups(path)
    assert backup.read_bytes() == b"0123456789\n01234567\n"
    assert backup.name.startswith("result-") and backup.suffix == ".log"
    sink.write([b"y" * 100])
    assert path.read_bytes() == b"y" * 100 + b"\n"


def test_without_rotation_nothing_is_set_aside(path: Path) -> None:
    sink = FileSink(path)
    sink.write([b"x" * 100])
    sink.rotate()
    sink.write([b"x" * 100])
    assert backups(path) == []


def test_a_rotation_on_demand_starts_a_new_file(path: Path) -> None:
    sink = FileSink(path, rotation(max_bytes=1000))
    sink.rotate()
    sink.write([b"one"])
    sink.rotate()
    sink.write([b"two"])
    assert path.read_bytes() == b"two\n"
    assert [backup.read_bytes() for backup in backups(path)] == [b"one\n"]


def test_files_set_aside_in_one_moment_have_names_of_their_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    moments = itertools.chain([now, now], (now + timedelta(milliseconds=number) for number in itertools.count()))
    monkeypatch.setattr(clock, "now", lambda: next(moments))
    sink = FileSink(path, rotation())
    for line in (b"one", b"two"):
        sink.write([line])
        sink.rotate()
    assert [backup.read_bytes() for backup in backups(path)] == [b"one\n", b"two\n"]


def test_a_file_that_another_process_fills_in_between_is_set_aside_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_aside, others = Rotation.set_aside, [b"y" * 18]

    def and_another_writes(self: Rotation, path: Path) -> None:
        set_aside(self, path)
        if others:
            FileSink(path).write([others.pop()])

    monkeypatch.setattr(Rotation, "set_aside", and_another_writes)
    sink = FileSink(path, rotation())
    for line in (b"x" * 18, b"z" * 18):
        sink.write([line])
    assert path.read_bytes() == b"z" * 18 + b"\n"
    assert [backup.read_bytes() for backup in backups(path)] == [b"x" * 18 + b"\n", b"y" * 18 + b"\n"]


def test_as_a_file_is_set_aside_those_that_are_too_many_go(path: Path) -> None:
    sink = FileSink(path, rotation(max_backups=1))
    for line in (b"one", b"two", b"three"):
        sink.write([line])
        sink.rotate()
    deadline = time.monotonic() + 10
    while len(backups(path)) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert [backup.read_bytes() for backup in backups(path)] == [b"three\n"]


def test_old_and_surplus_backups_are_deleted_and_the_rest_compressed(path: Path) -> None:
    path.parent.mkdir()
    now = clock.now()
    ages = [timedelta(minutes=1), timedelta(days=1), timedelta(days=2), timedelta(days=9)]
    names = [f"result-{(now - age).strftime(FORMAT)}.000.log" for age in ages]
    for name in names:
        (path.parent / name).write_bytes(name.encode())
    (path.parent / names[0]).chmod(0o640)
    (path.parent / "result-of-somebody-else.log").write_bytes(b"stays")
    rotation(max_age=timedelta(days=5), max_backups=2, compress=True).tidy(path)
    left = {file.name for file in path.parent.iterdir()}
    assert left == {f"{names[0]}.gz", f"{names[1]}.gz", "result-of-somebody-else.log"}
    packed = path.parent / f"{names[0]}.gz"
    assert gzip.decompress(packed.read_bytes()) == names[0].encode()
    assert stat.S_IMODE(packed.stat().st_mode) == 0o640


def test_lines_on_standard_output_are_out_before_the_agent_is_told() -> None:
    code = "import os; from fleet.logsinks.stdout import StdoutSink; StdoutSink().write([b'one', b'two']); os._exit(0)"
    assert subprocess.run([sys.executable, "-E", "-c", code], capture_output=True, check=True).stdout == b"one\ntwo\n"


def test_the_settings_choose_sinks_files_and_rotation(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    environ = {
        "FLEET_DATA_DIR": str(tmp_path),
        "FLEET_FILESYSTEM_STATUS_LOG_FILE": str(tmp_path / "there.log"),
        "FLEET_OSQUERY_RESULT_LOG_PLUGIN": "stdout",
    }
    sinks = open_sinks(Settings.load(environ))
    sinks.status.write([b"status"])
    assert (tmp_path / "there.log").read_bytes() == b"status\n"
    sinks.result.write([b"result"])
    assert capfdbinary.readouterr().out == b"result\n"
    assert Rotation.of(Settings.load(environ).filesystem) is None
    on = Settings.load(environ | {"FLEET_FILESYSTEM_ENABLE_LOG_ROTATION": "true", "FLEET_FILESYSTEM_MAX_SIZE": "2"})
    assert Rotation.of(on.filesystem) == Rotation(2 * 1024 * 1024, timedelta(days=28), 3, False)
