"""`python -m fleet demo`."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

import click

from fleet.bundled_agent.agent import Agent, user_agent
from fleet.bundled_agent.background import Background
from fleet.bundled_agent.client import Server
from fleet.bundled_agent.flags import Flags
from fleet.bundled_agent.fleet import Fleet
from fleet.bundled_agent.state import State
from fleet.bundled_agent.this_computer import ThisComputer
from fleet.demo.instance import DemoError, Instance, free_address
from fleet.settings import Settings

HOSTS = 20
ENROLL_SECONDS = 40.0
ANSWER_SECONDS = 15.0

QUERY = """SELECT s.hostname, o.name AS os, o.version, s.cpu_logical_cores AS cores,
       ROUND(s.physical_memory / 1073741824.0, 1) AS memory_gib, u.days AS days_up
FROM system_info s, os_version o, uptime u"""

SAVED = (
    ("Operating systems", "Name and version of every host's system.",
     "SELECT name, version, platform FROM os_version", 0),
    ("Listening ports", "Which programs can be reached from outside.",
     "SELECT p.name, l.port, l.protocol, l.address FROM listening_ports l JOIN processes p USING (pid) "
     "WHERE l.address NOT IN ('127.0.0.1', '::1') AND l.port > 0", 3600),
    ("People who can sign in", "Accounts with a login shell.",
     "SELECT username, uid, shell, directory FROM users "
     "WHERE shell NOT LIKE '%nologin' AND shell NOT LIKE '%false'", 86400),
)  # fmt: skip
"""Name, description, SQL and seconds between runs (0: never) of what the demo saves."""


@click.command()
@click.option("--hosts", default=HOSTS, show_default=True, type=click.IntRange(0, 5000), help="Simulated hosts.")
@click.option("--once", is_flag=True, help="End after the live query instead of serving on.")
def demo(hosts: int, once: bool) -> None:
    """Serve, enroll this computer and simulated hosts, run a live query over all of them, and keep serving."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run(hosts, once=once)
    except DemoError as error:
        click.echo(f"demo: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("\nStopped. `make demo` goes on where this left off.")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(hosts: int, *, once: bool) -> None:
    folder = Settings.load().data_dir / "demo"
    instance = Instance(folder, os.environ.get("FLEET_SERVER_ADDRESS") or free_address())
    try:
        click.echo("Starting the server ...")
        instance.start()
        admin, new = instance.sign_in()
        if new:
            _save_queries(instance)
        with _agents(instance, hosts):
            _wait_for_hosts(instance, hosts + 1)
            _ask(instance)
            click.echo(f"\nOpen        {instance.url}")
            if new:
                click.echo(
                    f"Sign in as  {admin.email}\nPassword    {admin.password}   (kept in {folder / 'admin.json'})"
                )
            else:
                click.echo(f"Sign in as  {admin.email}   (the password is in {folder / 'admin.json'})")
            click.echo(f"Hosts       {instance.url}/hosts/manage\nAsk         {instance.url}/queries/new/live")
            if not once:
                click.echo("\nServing until you press Ctrl-C.")
                instance.wait()
    finally:
        instance.stop()


def _save_queries(instance: Instance) -> None:
    for name, description, sql, interval in SAVED:
        body = {"name": name, "description": description, "query": sql, "interval": interval}
        instance.call("POST", "/queries", body | {"automations_enabled": interval > 0, "logging": "snapshot"})


@contextmanager
def _agents(instance: Instance, hosts: int) -> Iterator[None]:
    """This computer and the simulated hosts, checking in every second instead of every ten."""
    server = Server.at(instance.url, user_agent=user_agent())
    often = {"distributed_interval": "1", "config_refresh": "10"}
    secret = instance.secret()
    state = State(instance.folder / "this-computer.json")
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql") as executor:
        this = Agent(
            server, secret, ThisComputer(state), flags=Flags(often, pinned=often), state=state, executor=executor
        )
        here = Background(this.run, "this-computer")
        simulated = Fleet(
            server, secret, hosts=hosts, seed="demo", ramp=0.5, flags=Flags(often, pinned=often),
            state=State(instance.folder / "simulated-hosts.json"),
        )  # fmt: skip
        here.start()
        simulated.start()
        try:
            yield
        finally:
            simulated.stop()
            here.stop()


def _wait_for_hosts(instance: Instance, wanted: int) -> None:
    deadline = time.monotonic() + ENROLL_SECONDS
    with click.progressbar(length=wanted, label="Enrolling hosts ") as bar:
        done = 0
        while done < wanted and time.monotonic() < deadline:
            asked = time.monotonic()
            now = min(wanted, instance.online())
            bar.update(now - done)
            done = now
            if done < wanted:
                time.sleep(max(0.2, time.monotonic() - asked))
    if done < wanted:
        click.echo(f"{wanted - done} of {wanted} hosts are not there yet; going on without them.")


def _ask(instance: Instance) -> None:
    click.echo(f"\n{QUERY}\n")
    rows: list[dict[str, str]] = []
    with click.progressbar(length=1, label="Hosts answering ") as bar:

        def progress(answered: int, expected: int) -> None:
            bar.length = max(expected, 1)
            bar.update(answered - bar.pos)

        for result in instance.live_query(QUERY, ANSWER_SECONDS, progress):
            rows += result["rows"]
    columns = ["hostname", "os", "version", "cores", "memory_gib", "days_up"]
    click.echo()
    for line in table(columns, sorted(rows, key=lambda row: row.get("hostname", ""))):
        click.echo(line)


def table(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> list[str]:
    """Rows as lines of aligned text under a head; numbers to the right, control characters replaced."""
    cells = [["".join(c if c.isprintable() else "?" for c in row.get(name, "")) for name in columns] for row in rows]
    widths = [max([len(name), *(len(line[i]) for line in cells)]) for i, name in enumerate(columns)]
    numeric = [
        bool(cells) and all(line[i].replace(".", "", 1).isdigit() for line in cells) for i in range(len(columns))
    ]

    def joined(line: Sequence[str]) -> str:
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return [joined(columns), joined(["-" * width for width in widths]), *(joined(line) for line in cells)]
