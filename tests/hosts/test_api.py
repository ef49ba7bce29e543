"""Hosts over JSON: lists, counts, one host, the summary."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet import clock
from fleet.db.changes import Change
from fleet.hosts.models import Host, HostAdditional, HostDisk, HostSeen
from fleet.packs.models import PackTarget, ScheduledQuery, TargetType
from fleet.runtime import Runtime
from tests import factories
from tests.conftest import Client
from tests.hosts.counting import statements

ITEM_KEYS = {
    "created_at", "updated_at", "software_updated_at", "id", "detail_updated_at", "label_updated_at",
    "policy_updated_at", "last_enrolled_at", "seen_time", "refetch_requested", "hostname", "uuid", "platform",
    "osquery_version", "os_version", "build", "platform_like", "code_name", "uptime", "memory", "cpu_type",
    "cpu_subtype", "cpu_brand", "cpu_physical_cores", "cpu_logical_cores", "hardware_vendor", "hardware_model",
    "hardware_version", "hardware_serial", "computer_name", "public_ip", "primary_ip", "primary_mac",
    "distributed_interval", "config_tls_refresh", "logger_tls_period", "team_id", "pack_stats", "team_name",
    "gigs_disk_space_available", "percent_disk_space_available", "issues", "mdm",
    "refetch_critical_queries_until", "status", "display_text", "display_name",
}  # fmt: skip


def names(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/hosts?{query}")
    assert answer.status_code == 200, answer.text
    return [host["hostname"] for host in answer.json["hosts"]]


def make_three(session: Session) -> tuple[Host, Host, Host]:
    """An Ubuntu server, a Mac, and a Windows computer of a team that was not seen for long."""
    team = factories.make_team(session, "Workstations")
    server = factories.make_host(
        session, hostname="orion", os_version="Ubuntu 22.04.3 LTS", primary_ip="10.0.0.11", hardware_serial="PF2"
    )
    mac = factories.make_host(session, hostname="vega.local", computer_name="Vega", platform="darwin")
    lost = factories.make_host(session, hostname="LYRA", platform="windows", team_id=team.id, online=False)
    session.add(HostDisk(host_id=lost.id, gigs_disk_space_available=55.0, percent_disk_space_available=12.5))
    session.commit()
    return server, mac, lost


def test_a_server_without_hosts_lists_none(admin: Client) -> None:
    assert admin.get("/hosts").json == {"hosts": []}
    assert admin.get("/hosts/count").json == {"count": 0}


def test_a_listed_host_has_every_key_that_clients_know(admin: Client, session: Session) -> None:
    factories.make_host(session, hostname="orion", uptime=183_742_000_000_000)
    session.commit()
    for version in ("v1", "2022-04", "latest"):
        (host,) = admin.get("/hosts", version=version).json["hosts"]
        assert set(host) == ITEM_KEYS
    assert host["issues"] == {"total_issues_count": 0, "failing_policies_count": 0}
    assert host["mdm"] == {
        "enrollment_status": None, "server_url": None, "name": "", "encryption_key_available": False,
    }  # fmt: skip
    assert (host["status"], host["display_text"], host["team_name"]) == ("online", "orion", None)
    assert host["uptime"] == 183_742_000_000_000


def test_a_host_is_called_by_computer_name_then_hostname_then_model(admin: Client, session: Session) -> None:
    factories.make_host(session, hostname="a", computer_name="Anna's Mac")
    factories.make_host(session, hostname="b")
    factories.make_host(session, hostname="", hardware_model="X1", hardware_serial="S1")
    factories.make_host(session, hostname="", hardware_model="X1")
    session.commit()
    shown = [host["display_name"] for host in admin.get("/hosts?order_key=id").json["hosts"]]
    assert shown == ["Anna's Mac", "b", "X1 (S1)", ""]


def test_filters_and_order(admin: Client, session: Session) -> None:
    make_three(session)
    for query, expected in [
        ("order_key=id", ["orion", "vega.local", "LYRA"]),
        ("order_key=hostname", ["LYRA", "orion", "vega.local"]),
        ("order_key=hostname&order_direction=desc", ["vega.local", "orion", "LYRA"]),
        ("order_key=display_name&after=ORION", ["vega.local"]),
        ("order_key=id&page=1&per_page=2", ["LYRA"]),
        ("status=online&order_key=id", ["orion", "vega.local"]),
        ("status=offline", ["LYRA"]),
        ("status=missing", ["LYRA"]),
        ("status=mia", ["LYRA"]),
        ("status=new&order_key=id", ["orion", "vega.local", "LYRA"]),
        ("query=VEGA", ["vega.local"]),
        ("query=10.0.0", ["orion"]),
        ("query=%25", []),
        ("team_id=0&order_key=id", ["orion", "vega.local", "LYRA"]),
        ("team_id=99", []),
        ("os_name=Ubuntu&os_version=22.04.3%20LTS", ["orion"]),
        ("low_disk_space=60", ["LYRA"]),
        ("low_disk_space=55", []),
        ("policy_id=1", []),
        ("software_id=3", []),
        ("mdm_enrollment_status=unenrolled", []),
        ("policy_response=failing&order_key=id", ["orion", "vega.local", "LYRA"]),
        ("status=online&query=vega", ["vega.local"]),
    ]:
        assert names(admin, query) == expected
        if "page" not in query and "after" not in query:
            assert admin.get(f"/hosts/count?{query}").json == {"count": len(expected)}


def test_a_cursor_on_the_id_continues_a_list(admin: Client, session: Session) -> None:
    server, _, _ = make_three(session)
    assert names(admin, f"order_key=id&after={server.id}") == ["vega.local", "LYRA"]
    assert names(admin, f"order_key=h.id&after={server.id}&order_direction=asc") == ["vega.local", "LYRA"]


def test_hosts_of_a_team_and_of_a_label(admin: Client, session: Session) -> None:
    server, _, lost = make_three(session)
    label = factories.make_label(session, hosts=[server])
    session.commit()
    assert names(admin, f"team_id={lost.team_id}") == ["LYRA"]
    assert names(admin, f"label_id={label.id}") == ["orion"]
    assert admin.get(f"/hosts/count?label_id={label.id}").json == {"count": 1}


def test_a_bad_filter_is_refused_by_name(admin: Client, session: Session) -> None:
    make_three(session)
    for query, status, field in [
        ("status=nope", 400, "status"),
        ("team_id=x", 400, "team_id"),
        ("team_id=99999999999999999999", 400, "team_id"),
        ("label_id=-1", 400, "label_id"),
        ("low_disk_space=101", 400, "low_disk_space"),
        ("low_disk_space=0", 400, "low_disk_space"),
        (f"low_disk_space={5:020}{0:09}", 400, "low_disk_space"),
        (f"low_disk_space={5:020}{0:05000}", 400, "low_disk_space"),
        (f"team_id={5:020}{0:05000}", 400, "team_id"),
        ("policy_id=x", 400, "policy_id"),
        ("policy_id=1&policy_response=maybe", 400, "policy_response"),
        ("os_id=x", 400, "os_id"),
        ("macos_settings=nope", 400, "macos_settings"),
        ("bootstrap_package=nope", 400, "bootstrap_package"),
        ("mdm_enrollment_status=nope", 400, "base"),
        ("os_name=a%00b", 400, "os_name"),
        ("query=a%00b", 400, "query"),
        ("page=-1", 400, "base"),
        ("per_page=0", 400, "base"),
        ("order_direction=asc", 400, "base"),
    ]:
        for path in ("/hosts", "/labels/6/hosts", "/hosts/report?format=csv"):
            if path.startswith("/labels") and "label_id" in query:
                continue
            answer = admin.get(path + ("&" if "?" in path else "?") + query)
            assert answer.status_code == status, (path, answer.text)
            assert answer.json["errors"][0]["name"] == field


def test_only_known_columns_order_a_list_and_nothing_else_reaches_the_database(admin: Client, runtime: Runtime) -> None:
    for key in [
        "nope",
        "node_key_digest",
        "osquery_host_id",
        "orbit_node_key",
        "h.node_key_digest",
        "`id`",
        '"id"',
        "id;--",
        "(select 1)",
        "hosts.id",
    ]:
        with statements(runtime.engine) as sent:
            answer = admin.get("/hosts", query_string={"order_key": key})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["name"] == "order_key"
        assert not any(" hosts" in statement.lower() and "order by" in statement.lower() for statement in sent)


def test_a_list_takes_one_statement_whatever_its_length(admin: Client, session: Session, runtime: Runtime) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            factories.make_host(session)
        session.commit()
        with statements(runtime.engine) as sent:
            admin.get("/hosts?order_key=display_name&per_page=50&page=0")
        counts.append(len([statement for statement in sent if "hosts" in statement]))
    assert counts == [1, 1]


def test_one_host_takes_five_statements(admin: Client, session: Session, runtime: Runtime) -> None:
    host = factories.make_host(session)
    factories.make_label(session, hosts=[host])
    session.commit()
    admin.get("/hosts/count")  # the first request also asks whether the instance is set up
    with statements(runtime.engine) as sent:
        assert admin.get(f"/hosts/{host.id}").status_code == 200
    assert len(sent) == 5  # who asks, the host, its packs, its queries, its labels


def test_additional_information_comes_when_asked_for(admin: Client, session: Session) -> None:
    host = factories.make_host(session, hostname="with")
    factories.make_host(session, hostname="without")
    session.add(HostAdditional(host_id=host.id, additional='{"time": [{"tz": "UTC"}], "other": []}'))
    session.commit()
    all_of_it = admin.get("/hosts?order_key=id&additional_info_filters=*&device_mapping=true").json["hosts"]
    assert all_of_it[0]["additional"] == {"time": [{"tz": "UTC"}], "other": []}
    assert "additional" not in all_of_it[1]
    assert [found["device_mapping"] for found in all_of_it] == [None, None]
    some = admin.get("/hosts?order_key=id&additional_info_filters=time,nope").json["hosts"]
    assert [found["additional"] for found in some] == [
        {"time": [{"tz": "UTC"}], "nope": None},
        {"time": None, "nope": None},
    ]


def test_one_host_is_shown_with_labels_and_disk(admin: Client, session: Session) -> None:
    host = factories.make_host(session, hostname="orion", platform="darwin")
    session.add(
        HostDisk(host_id=host.id, gigs_disk_space_available=196.27, percent_disk_space_available=41.0, encrypted=True)
    )
    session.commit()
    shown = admin.get(f"/hosts/{host.id}").json["host"]
    extra = {"labels", "packs", "policies", "batteries", "disk_encryption_enabled"}
    assert set(shown) == ITEM_KEYS | extra
    assert [label["name"] for label in shown["labels"]] == ["All Hosts"]
    assert "count" not in shown["labels"][0]
    assert (shown["policies"], shown["batteries"], shown["packs"], shown["pack_stats"]) == ([], None, [], None)
    assert shown["mdm"]["profiles"] is None
    assert shown["disk_encryption_enabled"] is True
    assert (shown["gigs_disk_space_available"], shown["percent_disk_space_available"]) == (196.27, 41)


def test_an_unencrypted_disk_is_not_claimed_of_linux(admin: Client, session: Session) -> None:
    for platform, claimed in (("ubuntu", False), ("windows", True)):
        host = factories.make_host(session, platform=platform)
        session.add(HostDisk(host_id=host.id, encrypted=False))
        session.commit()
        assert ("disk_encryption_enabled" in admin.get(f"/hosts/{host.id}").json["host"]) is claimed


def test_pack_stats_name_what_the_host_is_asked(admin: Client, session: Session) -> None:
    team = factories.make_team(session, "Servers")
    host = factories.make_host(session, team_id=team.id)
    uptime = factories.make_query(session, "Uptime", description="How long", interval=3600, automations_enabled=True)
    factories.make_query(session, "Macs", interval=60, automations_enabled=True, platform="darwin")
    factories.make_query(session, "Paused", interval=60)
    own = factories.make_query(
        session, "Own", interval=600, automations_enabled=True, team_id=team.id, platform="linux"
    )
    pack = factories.make_pack(session, "Baseline", description="For all")
    other = factories.make_pack(session, "Elsewhere")
    entry = ScheduledQuery(pack_id=pack.id, query_id=uptime.id, name="up", name_key="up", interval=240)
    session.add_all([
        entry,
        ScheduledQuery(pack_id=other.id, query_id=uptime.id, name="up", name_key="up", interval=240),
        PackTarget(pack_id=pack.id, type=TargetType.LABEL, target_id=6),
        PackTarget(pack_id=other.id, type=TargetType.HOST, target_id=host.id + 1),
    ])  # fmt: skip
    session.commit()
    shown = admin.get(f"/hosts/{host.id}").json["host"]
    assert [(part["pack_id"], part["pack_name"], part["type"]) for part in shown["pack_stats"]] == [
        (pack.id, "Baseline", "pack"), (0, "Global", "global"), (0, "Team: Servers", f"team-{team.id}"),
    ]  # fmt: skip
    (stats,) = shown["pack_stats"][0]["query_stats"]
    assert stats == {
        "scheduled_query_name": "up", "scheduled_query_id": entry.id, "query_name": "Uptime",
        "description": "How long", "pack_name": "Baseline", "pack_id": pack.id, "average_memory": 0,
        "denylisted": False, "executions": 0, "interval": 240, "last_executed": "2000-01-01T00:00:00Z",
        "output_size": 0, "system_time": 0, "user_time": 0, "wall_time": 0,
    }  # fmt: skip
    assert [part["query_name"] for part in shown["pack_stats"][1]["query_stats"]] == ["Uptime"]
    assert [part["scheduled_query_id"] for part in shown["pack_stats"][2]["query_stats"]] == [own.id]
    (packed,) = shown["packs"]
    assert packed["name"] == "Baseline" and packed["label_ids"] is None and "platform" not in packed


def test_a_disabled_pack_reaches_only_those_it_names(admin: Client, session: Session) -> None:
    host = factories.make_host(session)
    by_label = factories.make_pack(session, "By label", disabled=True)
    by_name = factories.make_pack(session, "By name", disabled=True)
    session.add_all([
        PackTarget(pack_id=by_label.id, type=TargetType.LABEL, target_id=6),
        PackTarget(pack_id=by_name.id, type=TargetType.HOST, target_id=host.id),
    ])  # fmt: skip
    session.commit()
    assert [pack["name"] for pack in admin.get(f"/hosts/{host.id}").json["host"]["packs"]] == ["By name"]


def test_an_unknown_host_is_not_found(admin: Client) -> None:
    for method, path in (("GET", "/hosts/99"), ("DELETE", "/hosts/99"), ("POST", "/hosts/99/refetch")):
        answer = admin.call(method, path)
        assert answer.status_code == 404
        assert answer.json["errors"][0]["reason"] == "Host 99 was not found in the datastore"
    assert admin.get("/hosts/abc").status_code == 404


def test_a_host_is_found_by_hostname_uuid_osquery_id_and_node_key(admin: Client, session: Session) -> None:
    host = factories.make_host(
        session, hostname="a b/c%", uuid="B2C7", osquery_host_id="own-id", node_key="the-key", hardware_serial="S1"
    )
    session.commit()
    for identifier in ("a%20b/c%25%32%35", "a%2520b%252Fc%2525", "B2C7", "own-id", "the-key"):
        answer = admin.get(f"/hosts/identifier/{identifier}")
        assert answer.status_code == 200, identifier
        assert answer.json["host"]["id"] == host.id
    for identifier in ("b2c7", "S1", "nope"):
        assert admin.get(f"/hosts/identifier/{identifier}").status_code == 404
    assert admin.get("/hosts/identifier/100%25").status_code == 400


def test_a_host_that_calls_is_online_before_that_is_written(admin: Client, session: Session, runtime: Runtime) -> None:
    host = factories.make_host(session, online=False)
    session.commit()
    assert admin.get(f"/hosts/{host.id}").json["host"]["status"] == "offline"
    runtime.batch.add("seen", lambda connection, host_ids, moment: None)
    runtime.batch.seen("seen", host.id)
    shown = admin.get(f"/hosts/{host.id}").json["host"]
    assert shown["status"] == "online"
    assert shown["seen_time"] > "2020"


def test_a_host_that_never_called_was_seen_as_it_was_made(admin: Client, session: Session) -> None:
    host = factories.make_host(session)
    session.query(HostSeen).delete()
    session.commit()
    shown = admin.get(f"/hosts/{host.id}").json["host"]
    assert shown["seen_time"] == shown["created_at"]


def test_refetch_asks_the_host_anew_and_tells_every_process(admin: Client, session: Session) -> None:
    host = factories.make_host(session)
    session.commit()
    assert admin.post(f"/hosts/{host.id}/refetch").json == {}
    session.commit()
    assert session.scalar(select(Host.refetch_requested).where(Host.id == host.id))
    assert session.scalars(select(Change.subject).where(Change.topic == "host")).all() == [host.id]


def test_the_summary_counts_by_platform_and_status(admin: Client, session: Session) -> None:
    _, _, lost = make_three(session)
    answer = admin.get("/host_summary").json
    assert {name: answer[name] for name in answer if name.endswith("count")} == {
        "totals_hosts_count": 3, "online_count": 2, "offline_count": 1, "mia_count": 1, "missing_30_days_count": 1,
        "new_count": 3, "all_linux_count": 1,
    }  # fmt: skip
    assert answer["platforms"] == [
        {"platform": "darwin", "hosts_count": 1},
        {"platform": "ubuntu", "hosts_count": 1},
        {"platform": "windows", "hosts_count": 1},
    ]
    assert [label["id"] for label in answer["builtin_labels"]] == list(range(6, 14))
    team = admin.get(f"/host_summary?team_id={lost.team_id}&platform=windows&low_disk_space=55").json
    assert (team["team_id"], team["totals_hosts_count"], team["low_disk_space_count"]) == (lost.team_id, 1, 1)
    empty = admin.get("/host_summary?team_id=99").json
    assert (empty["team_id"], empty["totals_hosts_count"], empty["platforms"]) == (99, 0, None)
    assert admin.get("/host_summary?low_disk_space=101").json["errors"][0]["name"] == "low_disk_space"
    assert admin.get("/host_summary?team_id=x").status_code == 400


def test_the_summary_takes_one_statement_over_hosts(admin: Client, session: Session, runtime: Runtime) -> None:
    make_three(session)
    with statements(runtime.engine) as sent:
        admin.get("/host_summary")
    assert len([statement for statement in sent if "FROM hosts" in statement]) == 1


def test_missing_starts_after_thirty_days(admin: Client, session: Session) -> None:
    for hostname, days in (("late", 29), ("gone", 31)):
        host = factories.make_host(session, hostname=hostname)
        session.get_one(HostSeen, host.id).seen_at = clock.now() - timedelta(days=days)
    session.commit()
    assert names(admin, "status=missing") == ["gone"]
    assert names(admin, "status=offline&order_key=id") == ["late", "gone"]


def test_a_host_is_new_for_a_day_whether_it_calls_or_not(admin: Client, session: Session) -> None:
    for hostname, hours, online in (("old", 25, True), ("fresh", 23, True), ("fresh and silent", 23, False)):
        factories.make_host(session, hostname=hostname, online=online).created_at = clock.now() - timedelta(hours=hours)
    session.commit()
    assert names(admin, "status=new&order_key=id") == ["fresh", "fresh and silent"]
    assert admin.get("/host_summary").json["new_count"] == 2
