"""Hosts as CSV."""

import csv
import io

from sqlalchemy.orm import Session

from fleet.hosts import report
from tests import factories
from tests.conftest import Client


def read(client: Client, query: str) -> list[list[str]]:
    answer = client.get(f"/hosts/report?format=csv{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text)))


def test_a_report_is_a_file_with_all_columns(admin: Client, session: Session) -> None:
    factories.make_host(session, hostname="orion", uptime=183_742_000_000_000)
    session.commit()
    answer = admin.get("/hosts/report?format=csv")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="Hosts 20')
    header, row = list(csv.reader(io.StringIO(answer.text)))
    assert header == list(report.COLUMNS) and len(header) == 48
    values = dict(zip(header, row, strict=True))
    assert (values["uptime"], values["refetch_requested"], values["issues"]) == ("51h2m22s", "false", "0")
    assert (values["team_id"], values["primary_ip_id"], values["gigs_disk_space_available"]) == ("", "", "0")


def test_columns_are_picked_and_ordered(admin: Client, session: Session) -> None:
    factories.make_host(session, hostname="b", platform="darwin")
    factories.make_host(session, hostname="a")
    session.commit()
    assert read(admin, "&order_key=hostname&columns=status,hostname,platform") == [
        ["status", "hostname", "platform"], ["online", "a", "ubuntu"], ["online", "b", "darwin"],
    ]  # fmt: skip
    assert read(admin, "&columns=hostname&label_id=999") == [["hostname"]]
    assert read(admin, "&columns=hostname&query=b&status=online") == [["hostname"], ["b"]]


def test_a_report_that_cannot_be_made_is_refused(admin: Client) -> None:
    for query, status, reason in (
        ("", 400, "Param Format is required"),
        ("?format=pdf", 415, "unsupported or unspecified report format"),
        ("?format=csv&columns=nope", 400, 'invalid column name: "nope"'),
        ("?format=csv&columns=node_key_digest", 400, 'invalid column name: "node_key_digest"'),
    ):
        answer = admin.get(f"/hosts/report{query}")
        assert (answer.status_code, answer.json["errors"][0]["reason"]) == (status, reason)


def test_no_cell_is_a_formula(admin: Client, session: Session) -> None:
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x","y")', "fine,=1"]
    for hostname in hostile:
        factories.make_host(session, hostname=hostname)
    session.commit()
    rows = read(admin, "&columns=hostname&order_key=id")[1:]
    assert [row[0] for row in rows] == ["'" + name for name in hostile[:-1]] + ["fine,=1"]


def test_a_long_report_is_complete(admin: Client, session: Session) -> None:
    session.add_all(factories.Host(hostname=f"h-{number}") for number in range(1100))
    session.commit()
    assert len(read(admin, "&columns=id")) == 1101


def test_durations_are_written_as_clients_read_them() -> None:
    assert report.uptime(0) == "0s"
    assert report.uptime(9_871_000_000_000) == "2h44m31s"
    assert report.uptime(61_500_000_000) == "1m1.5s"
    assert report.uptime(-5) == "0s"
