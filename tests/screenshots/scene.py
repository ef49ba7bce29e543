"""What the pictures show: an instance with hosts of every kind, queries, packs and people at work."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from fleet.bundled_agent.agent import Agent, user_agent
from fleet.bundled_agent.background import Background
from fleet.bundled_agent.client import Server
from fleet.bundled_agent.flags import Flags
from fleet.bundled_agent.state import State
from fleet.bundled_agent.this_computer import ThisComputer
from fleet.demo.command import SAVED
from tests.browser.site import OFTEN, Puppet, Site, until

AWAY = ("-3 hours", "-2 days", "-9 days", "-41 days")

HARDWARE = """SELECT o.name AS system, o.version, s.cpu_logical_cores AS cores,
       ROUND(s.physical_memory / 1073741824.0, 1) AS memory_gib, u.days AS days_up
FROM system_info s, os_version o, uptime u"""


@contextmanager
def this_computer(site: Site) -> Iterator[None]:
    """The computer that takes the pictures calls, too."""
    state = State(site.instance.folder / "this-computer.json")
    server = Server.at(site.url, user_agent=user_agent())
    with ThreadPoolExecutor(max_workers=1) as executor:
        flags = Flags(OFTEN, pinned=OFTEN)
        agent = Agent(server, site.instance.secret(), ThisComputer(state), flags=flags, state=state, executor=executor)
        working = Background(agent.run, "this-computer")
        working.start()
        try:
            until(lambda: site.instance.online() == 1, "this computer enrolls", 40)
            yield
        finally:
            working.stop()


def leave_some(site: Site) -> None:
    """Hosts that called once, some time ago."""
    for number, ago in enumerate(AWAY):
        Puppet(site, number, seed="away").was_seen(ago)


def save_queries(site: Site) -> dict[str, int]:
    """Saved queries and two packs; ids by name."""
    glance = site.query("Hardware at a glance", HARDWARE, description="Processors, memory, uptime.")
    ids = {"Hardware at a glance": glance}
    for name, description, sql, interval in SAVED:
        more = {"interval": interval, "automations_enabled": interval > 0, "logging": "snapshot"}
        ids[name] = site.query(name, sql, description=description, observer_can_run=interval == 0, **more)
    ids["Disks that are not encrypted"] = site.query(
        "Disks that are not encrypted", "SELECT name, uuid FROM disk_encryption WHERE encrypted = 0",
        interval=21600, automations_enabled=True, platform="darwin,linux",
    )  # fmt: skip
    ids["Windows programs"] = site.query("Windows programs", "SELECT name, version, publisher FROM programs")
    for name, labels, queries in (
        ("Baseline", [6], ("Operating systems", "Listening ports", "People who can sign in")),
        ("Laptops", [7], ("Disks that are not encrypted",)),
    ):
        pack = {"name": name, "description": "What every host reports.", "label_ids": labels}
        ids[name] = int(site.call("POST", "/packs", pack)["pack"]["id"])
        for query in queries:
            entry = {"pack_id": ids[name], "query_id": ids[query], "interval": 3600, "snapshot": True}
            site.call("POST", "/packs/schedule", entry)
    return ids
