"""The command line: python -m fleet.bundled_agent [this|fleet]."""

import asyncio
import contextlib
import json
import logging
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click

from .agent import Agent, user_agent
from .background import run
from .client import Server
from .counters import Counters
from .flags import Flags
from .fleet import Fleet
from .state import State
from .this_computer import ThisComputer

REPORT_INTERVAL = 10.0
DATA_DIR = Path("~/.local/share/fleet-agent")


@dataclass(frozen=True, slots=True)
class Options:
    """What both modes need."""

    server: Server
    secret: str
    data_dir: Path
    flags: Flags


def _flags(interval: float | None, config_refresh: float | None) -> Flags:
    given = {"distributed_interval": interval, "config_refresh": config_refresh}
    set_here = {name: f"{value:g}" for name, value in given.items() if value is not None}
    return Flags(set_here, pinned=set_here)


SECONDS = click.FloatRange(min=0.1)
SHARE = click.FloatRange(0, 1)
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(exists=True, dir_okay=False)


@click.group(invoke_without_command=True)
@click.option("--server", "url", required=True, help="URL of the Fleet server.")
@click.option("--secret", required=True, envvar="FLEET_ENROLL_SECRET", help="Enroll secret.", show_envvar=True)
@click.option("--ca", type=FILE, help="Certificate of the server, or of who signed it.")
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@click.option("--interval", type=SECONDS, help="Seconds between polls, whatever the server's options say.")
@click.option("--config-refresh", type=SECONDS, help="The same for the configuration.")
@click.option("--data-dir", type=FOLDER, default=DATA_DIR, show_default=True, help="Where node keys are kept.")
@click.option("--verbose", is_flag=True, help="Say what goes wrong and when.")
@click.pass_context
def main(
    context: click.Context,
    url: str,
    secret: str,
    ca: str | None,
    insecure: bool,
    interval: float | None,
    config_refresh: float | None,
    data_dir: Path,
    verbose: bool,
) -> None:
    """Report this computer, or a fleet of simulated hosts, to a Fleet server."""
    if not secret:
        raise click.BadParameter("is empty; it stands under Hosts, Add hosts", param_hint="--secret")
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(asctime)s %(message)s")
    try:
        server = Server.at(url, user_agent=user_agent(), ca=ca, insecure=insecure)
    except (ValueError, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--server or --ca") from error
    if ca and not server.tls:
        raise click.BadParameter("is of use with https:// only", param_hint="--ca")
    context.obj = Options(server, secret, data_dir.expanduser(), _flags(interval, config_refresh))
    if context.invoked_subcommand is None:
        context.invoke(this)


@main.command()
@click.pass_obj
def this(options: Options) -> None:
    """Report this computer (the default)."""
    logging.getLogger("fleet.bundled_agent.agent").setLevel(logging.INFO)
    state = State(options.data_dir / "this.json")
    machine = ThisComputer(state)
    click.echo(f"{machine.identifier} reports to {options.server.host}:{options.server.port}")
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql") as executor:
        agent = Agent(options.server, options.secret, machine, flags=options.flags, state=state, executor=executor)
        run(lambda: _until_stopped(agent))


async def _until_stopped(worker: Agent | Fleet) -> None:
    task = asyncio.ensure_future(worker.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    reporting = asyncio.create_task(_report(worker.counters)) if isinstance(worker, Fleet) else None
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    finally:
        if reporting is not None:
            reporting.cancel()


async def _report(counters: Counters) -> None:
    while True:
        await asyncio.sleep(REPORT_INTERVAL)
        click.echo(json.dumps(counters.summary()))


@main.command()
@click.option("--hosts", type=click.IntRange(1, 100_000), default=20, show_default=True, help="How many.")
@click.option("--seed", default="fleet", show_default=True, help="The same seed gives the same hosts.")
@click.option("--ramp", type=float, help="Seconds in which all start. Default: 50 hosts a second.")
@click.option("--fail-rate", type=SHARE, default=0.0, help="Share of hosts that fail live queries.")
@click.option("--slow-rate", type=SHARE, default=0.0, help="Share of hosts slow to answer them.")
@click.option("--remember/--no-remember", default=True, show_default=True, help="Keep node keys for the next run.")
@click.pass_obj
def fleet(
    options: Options, hosts: int, seed: str, ramp: float | None, fail_rate: float, slow_rate: float, remember: bool
) -> None:
    """Report simulated hosts; prints counters every 10 seconds."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a connection for each host
    path = options.data_dir / f"fleet-{seed.encode().hex()}.json"
    simulated = Fleet(
        options.server,
        options.secret,
        hosts=hosts,
        seed=seed,
        ramp=ramp,
        flags=options.flags,
        state=State(path if remember else None),
        fail_rate=fail_rate,
        slow_rate=slow_rate,
    )
    run(lambda: _until_stopped(simulated))


if __name__ == "__main__":
    main(prog_name="python -m fleet.bundled_agent")
