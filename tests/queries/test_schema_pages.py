"""The tables beside the editor, and the SQL check while somebody types."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import csrf_token
from tests.queries.test_pages import HTMX, page, signed_in


def test_tables_are_searched_and_shown(browser: FlaskClient) -> None:
    found = page(browser, "/_/schema?table_query=listening", **HTMX)
    assert "listening_ports" in found and "<html" not in found
    table = page(browser, "/_/schema/listening_ports", **HTMX)
    for text in ("Columns", "integer", "macOS", 'data-insert="listening_ports"'):
        assert text in table
    assert "No table has this" in page(browser, "/_/schema?table_query=%3Cscript%3E", **HTMX)
    assert browser.get("/_/schema/nope", headers=HTMX).status_code == 404


def test_fragments_lead_to_the_editor_without_htmx(browser: FlaskClient) -> None:
    for path in ("/_/schema", "/_/schema/users"):
        assert browser.get(path).location == "/queries/new"


def test_words_are_sent_once(browser: FlaskClient) -> None:
    first = browser.get("/_/schema/words.json")
    assert "pid" in first.json["processes"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = browser.get("/_/schema/words.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_sql_is_checked_while_somebody_types(browser: FlaskClient) -> None:
    token = csrf_token(browser, "/queries/new")
    said = {
        "SELECT * FROM users": "Runs on",
        "SELEC": "syntax error",
        "SELECT * FROM nope": "Unknown table",
        "SELECT nope FROM users": "no such column",
        "SELECT * FROM file": "WHERE constrains",
        "DROP TABLE users": "Only SELECT",
        "": "empty",
        "SELECT '<script>'": "runs everywhere",
        "SELECT 1 -- \x00": "NUL",
        "x" * 100_000: "longer than",
    }
    for sql, text in said.items():
        form = {"csrf_token": token, "query": sql}
        answer = browser.post("/_/sql/check", data=form, headers=HTMX)
        assert answer.status_code == 200
        assert text in answer.get_data(as_text=True), sql[:40]
        assert "<script>" not in answer.get_data(as_text=True)
    assert browser.post("/_/sql/check", data={"query": "SELECT 1"}, headers=HTMX).status_code == 403


def test_only_those_who_read_queries_get_the_schema(app: Flask, session: Session) -> None:
    gitops = signed_in(app, session, global_role="gitops")
    assert gitops.get("/_/schema/words.json").status_code == 403
    assert gitops.get("/_/schema", headers=HTMX).status_code == 403
    nobody = app.test_client()
    assert nobody.get("/_/schema/words.json").status_code == 302
