"""The application: the only module that knows every feature."""

import logging
import os
import secrets
import tempfile
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from flask import Flask
from htmx_flask import Htmx
from sqlalchemy import Engine

from fleet import navigation
from fleet.accounts import credentials
from fleet.agents.plane import Plane
from fleet.app_config import service as app_config
from fleet.backplane import Live
from fleet.backplane.memory import MemoryLive
from fleet.cron.runner import Runner
from fleet.db import engine as engines
from fleet.db import instance
from fleet.db.batch import Batch
from fleet.db.changes import Watcher
from fleet.db.upgrade import upgrade
from fleet.extensions import db, sock
from fleet.runtime import Runtime
from fleet.settings import SHORTEST_KEY, BadSetting, Settings
from fleet.setup import routing as setup_routing
from fleet.setup.service import Gate
from fleet.web import cookies, csrf, errors, headers, logs, metrics, routing, templating, wsgi
from fleet.web.assets import Assets
from fleet.web.json import Provider
from fleet.web.limits import Limits

log = logging.getLogger(__name__)

ROOT = Path(__file__).parent.parent

FEATURES = (
    "setup", "accounts", "app_config", "activities", "teams", "dashboard", "hosts", "labels", "queries", "packs",
    "targets", "live", "status",
)  # fmt: skip
"""Packages whose `api` and `pages`, where they have them, are mounted."""


for _feature in FEATURES:
    if find_spec(f"fleet.{_feature}.models"):
        import_module(f"fleet.{_feature}.models")  # every table is known, whether its feature was asked or not

FORM_CAP = 2 << 20
"""Bytes of a form; the JSON routes have caps of their own."""


def create_app(settings: Settings | None = None, *, background: bool = True) -> Flask:
    """The application, with its database up to date.

    `background`: start the threads that poll, flush and run schedules. Whoever made the application ends it with
    `app.extensions["fleet"].close()`.
    """
    settings = settings or Settings.load()
    logs.configure(debug=settings.logging.debug, as_json=settings.logging.json_)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)

    app = Flask("fleet", template_folder=str(ROOT / "templates"), static_folder=None)
    app.json = Provider(app)
    app.session_interface = cookies.FormCookie()
    url = engines.normal_url(settings.database.url.get_secret_value(), settings.data_dir)
    app.config.update(
        SECRET_KEY=_secret_key(settings),
        SESSION_COOKIE_NAME="fleet_form",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH=settings.server.url_prefix + "/",
        MAX_CONTENT_LENGTH=FORM_CAP,
        MAX_FORM_MEMORY_SIZE=FORM_CAP,
        SOCK_SERVER_OPTIONS={"max_message_size": 64 << 10},
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS=engines.engine_options(url),
    )
    Htmx(app)
    db.init_app(app)
    with app.app_context():
        engine = db.engine
        engines.prepare(engine)
        upgrade(engine, ROOT / "migrations")

    app.extensions["fleet"] = make_runtime(settings, engine, background=background)
    routing.install(app)
    csrf.install(app)
    errors.register(app)
    setup_routing.install(app)
    headers.install(app)
    metrics.install(app)
    assets = Assets(ROOT / "static")
    templating.install(app, assets)
    for feature in FEATURES:
        for door in ("api", "pages"):
            if find_spec(f"fleet.{feature}.{door}"):
                app.register_blueprint(getattr(import_module(f"fleet.{feature}.{door}"), door))
    sock.init_app(app)
    front = wsgi.wrap(app.wsgi_app, assets, settings.server)
    setattr(app, "wsgi_app", front)  # noqa: B010 - Flask documents this as the place for middleware
    return app


def make_runtime(settings: Settings, engine: Engine, *, background: bool) -> Runtime:
    """What the process holds: memory, connections and, with `background`, threads over this database."""
    redis_url = settings.redis.url.get_secret_value()
    name = instance.name_of(engine) if redis_url else ""
    runtime = Runtime(
        settings=settings,
        engine=engine,
        watcher=Watcher(engine),
        live=_live(redis_url, name),
        limits=Limits(redis_url, name),
        batch=Batch(engine),
        from_bearer=credentials.from_bearer,
        from_cookie=credentials.from_cookie,
        organization=app_config.Organization(engine),
        navigation=navigation.NAVIGATION,
        setup_required=Gate(engine).is_required,
    )
    credentials.install(runtime)
    runtime.watcher.listen(runtime.organization.changed)
    runtime.plane = Plane(runtime)
    runtime.closers += [engine.dispose, runtime.live.close]
    if background:
        runner = Runner(engine, runtime)
        runtime.watcher.start()
        runtime.batch.start()
        runner.start()
        runtime.closers += [runtime.watcher.stop, runner.stop]
    runtime.closers.append(runtime.batch.stop)
    return runtime


def _live(redis_url: str, name: str) -> Live:
    if not redis_url:
        return MemoryLive()
    from fleet.backplane.redis import RedisLive  # one process needs no Redis library

    return RedisLive(redis_url, name)


def _secret_key(settings: Settings) -> str:
    given = settings.server.secret_key
    if given is not None:
        return given.get_secret_value()
    path = settings.data_dir / "secret_key"
    if not path.exists():
        _make_secret_key(path)
    key = path.read_bytes().decode("ascii", "replace").strip()
    if len(key) < SHORTEST_KEY:
        raise BadSetting(f"FLEET_SERVER_SECRET_KEY: {path} is too short to hold one; delete it to have it made anew")
    return key


def _make_secret_key(path: Path) -> None:
    """Write a key whole or not at all: another process may start at the same time, and this one may be killed."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix="secret_key.", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)
