"""`python -m tests.bench`: measures, prints one table, leaves nothing behind."""

import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.bench import ingest, rates, report, scenario
from tests.bench.processes import CORES
from tests.bench.rates import Effort
from tests.bench.scenario import Crowd

PARTS = ("rates", "hosts", "functions")


@click.command()
@click.option("--hosts", type=click.IntRange(1, 20_000), default=1000, show_default=True, help="Simulated hosts.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=60, show_default=True, help="How long they poll.")
@click.option("--interval", type=click.IntRange(1, 600), default=10, show_default=True, help="Seconds between polls.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Some parts only.")
@click.option("--quick", is_flag=True, help="See whether the bench works: short, with polls every second.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of a table.")
@click.option("--keep", is_flag=True, help="Keep the folder with data and logs.")
def main(
    hosts: int, seconds: float, interval: int, only: tuple[str, ...], quick: bool, as_json: bool, keep: bool
) -> None:
    """Measure this server on this machine, beside yardsticks taken in the same run. Takes under four minutes."""
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("bench: it reads /proc, which only Linux has")
    effort = Effort(connections=8, rounds=1, seconds=0.2) if quick else Effort()
    crowd = Crowd(hosts, 1, 2.0) if quick else Crowd(hosts, interval, seconds)
    folder = Path(tempfile.mkdtemp(prefix="fleet-bench-"))
    started = time.monotonic()
    rows: list[report.Row] = []
    try:
        for part in only or PARTS:
            click.echo(f"measuring {part} ...", err=True)
            if part == "rates":
                rows += rates.measure(folder, effort)
            elif part == "hosts":
                rows += scenario.measure(folder, crowd)
            else:
                rows += ingest.measure(folder, 0.2 if quick else 2.0)
    except (RuntimeError, OSError) as error:
        keep = True
        sys.exit(f"bench: {error}\nThe logs are in {folder}")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    machine = f"{_machine()}; {time.monotonic() - started:.0f} s"
    click.echo(report.as_json(rows, machine) if as_json else report.as_text(rows, machine))


def _machine() -> str:
    """What it was measured on, and how busy that was."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{model}, {len(CORES)} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
