"""The page of components, which only the application for development serves."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.web import components
from tests import factories

HTMX = {"HX-Request": "true", "HX-Target": "dlg"}


@pytest.fixture
def client(own_app: Flask) -> FlaskClient:
    own_app.register_blueprint(components.pages)
    with own_app.app_context():
        from fleet.extensions import db

        factories.make_organization(db.session())
        factories.make_user(db.session())
        db.session.commit()
    return own_app.test_client()


def test_it_shows_every_component(client: FlaskClient) -> None:
    page = client.get("/_/components")
    assert page.status_code == 200
    for title in ("Buttons", "State", "Form", "Code and secrets", "Dialogs", "Icons"):
        assert f"<h2>{title}</h2>" in page.text


@pytest.mark.parametrize(("dialog", "title"), [("form", "Create a team"), ("confirm", "Delete 14 hosts?")])
def test_it_shows_dialogs_which_are_always_refused(client: FlaskClient, dialog: str, title: str) -> None:
    path = f"/_/components?dialog={dialog}"
    whole, part = client.get(path).text, client.get(path, headers=HTMX).text
    assert title in whole and title in part
    assert "<html" in whole and "<html" not in part
    assert factories.submit(client, path, {"name": "x"}).status_code == 422


def test_no_other_application_has_it(browser: FlaskClient) -> None:
    assert browser.get("/_/components").status_code == 404
