"""What computers of every kind answer to the server's own queries, and what becomes of it."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.bundled_agent import distributed
from fleet.bundled_agent.engine import Engine
from fleet.bundled_agent.osqueryd import Osqueryd
from fleet.bundled_agent.simulated import population
from fleet.hosts.models import Host, HostDisk
from fleet.labels.models import ALL_HOSTS, LabelMembership
from tests import factories
from tests.agents.conftest import Agent

BUILT_IN = {"darwin": {7}, "windows": {10}, "linux": {12}, "chrome": {13}}
"""The label of each kind of computer, beside All Hosts."""

BY_ENROLLING = {"memory": 0, "hostname": "", "os_version": "", "osquery_version": ""}
"""Some of what a host tells already as it enrolls, as it is before."""


def test_a_host_is_known_once_it_has_answered_what_it_is_asked(stranger: Agent, session: Session) -> None:
    engine = Engine()
    computers = {machine.platform: machine for machine in population("details", 60)}
    assert set(computers) == set(BUILT_IN)
    for platform, machine in computers.items():
        osqueryd = Osqueryd(machine, engine)
        agent = Agent(stranger.plane)
        agent.node_key = agent.send("enroll", osqueryd.enroll_body(factories.SECRET))[1]["node_key"]
        identity = machine.identifier
        session.execute(update(Host).where(Host.osquery_host_id == identity).values(BY_ENROLLING))
        session.commit()
        asked = agent.read()
        answers = osqueryd.answer(distributed.Work(asked["queries"], asked["discovery"]))
        assert set(answers.queries) == set(asked["queries"]) and not any(answers.statuses.values())
        assert agent.send("distributed/write", answers.body(agent.node_key)) == (200, {})
        assert agent.read() == {"queries": {}, "discovery": {}}

        host = session.scalars(select(Host).where(Host.osquery_host_id == identity)).one()
        assert (host.primary_ip, host.primary_mac) == (machine.identity.address, machine.identity.mac)
        assert host.hostname == osqueryd.run("SELECT hostname FROM system_info").rows[0]["hostname"]
        assert host.memory > 2**30 and host.osquery_version
        assert (host.uptime > 10**9) is (platform != "chrome")  # whose agent has no such table
        assert host.os_version and not host.os_version.startswith("Microsoft")
        assert (host.distributed_interval, host.config_tls_refresh, host.logger_tls_period) == (10, 60, 10)
        disk = session.get(HostDisk, host.id)
        assert (disk is None) is (platform == "chrome")
        assert disk is None or (disk.gigs_disk_space_available > 0 and 0 < disk.percent_disk_space_available < 100)
        labels = select(LabelMembership.label_id).where(LabelMembership.host_id == host.id)
        assert BUILT_IN[platform] | {ALL_HOSTS} <= set(session.scalars(labels))
        session.commit()
