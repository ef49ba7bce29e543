"""The dialog that shows how computers come in, and the files that a plain osquery needs."""

import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

from flask import Response, request
from flask.typing import ResponseReturnValue

from fleet.app_config import service as app_config
from fleet.authz.check import Thing
from fleet.errors import NotFound
from fleet.extensions import db
from fleet.hosts.door import pages
from fleet.teams import secrets
from fleet.web.context import authorize, settings
from fleet.web.pages import render

SECRETS = Thing("global_enroll_secret")
WAYS = ("osquery", "computer")
PLACE = re.compile(r"[A-Za-z0-9._\-\[\]:]{1,255}")
"""A host and port that may stand in a generated file."""

CERTIFICATES = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?")
"""Only these leave the server: the file may hold the key as well."""

FLAGS = """\
# Where the server is, and whom to trust
--tls_hostname={place}
--tls_server_certs=fleet.pem
# Enrolling
--host_identifier=uuid
--enroll_secret_path=secret.txt
--enroll_tls_endpoint={prefix}/api/osquery/enroll
# Configuration
--config_plugin=tls
--config_tls_endpoint={prefix}/api/osquery/config
--config_refresh=10
# Live queries
--disable_distributed=false
--distributed_plugin=tls
--distributed_interval=10
--distributed_tls_max_attempts=3
--distributed_tls_read_endpoint={prefix}/api/osquery/distributed/read
--distributed_tls_write_endpoint={prefix}/api/osquery/distributed/write
# Logs
--logger_plugin=tls
--logger_tls_endpoint={prefix}/api/osquery/log
--logger_tls_period=10
"""


def _server_url() -> str:
    """Where agents find this server: as the organization says, else as this request came."""
    url = app_config.get(db.session()).server_settings.server_url
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and PLACE.fullmatch(parts.netloc):
        return f"{parts.scheme}://{parts.netloc}{settings().server.url_prefix}"
    return f"https://{_fallback()}{settings().server.url_prefix}"


def _fallback() -> str:
    return request.host if PLACE.fullmatch(request.host) else "localhost"


def _secret() -> str | None:
    return next((row.secret for row in secrets.of_nobody(db.session())), None)


def _make_line(url: str, secret: str) -> str:
    """The command that enrolls this computer; make itself would expand a single `$`."""
    return f"make agent SERVER={shlex.quote(url)} SECRET={shlex.quote(secret)}".replace("$", "$$")


def _certificate() -> Path | None:
    config = settings()
    if not config.server.tls:
        return None
    path = config.server.cert or config.data_dir / "server-cert.pem"
    return path if path.is_file() else None


@pages.get("/hosts/add")
def add() -> ResponseReturnValue:
    """How computers come in."""
    authorize("read", SECRETS)
    how = request.args.get("how", WAYS[0])
    secret = _secret()
    url = _server_url()
    return render(
        "hosts/add.html",
        block="ways",
        how=how if how in WAYS else WAYS[0],
        secret=secret,
        server_url=url,
        make_line=_make_line(url, secret) if secret else "",
        masked_line=_make_line(url, "********"),
        has_certificate=_certificate() is not None,
    )


def _file(name: str, text: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return Response(text, headers=headers, content_type="text/plain; charset=utf-8")


@pages.get("/hosts/add/secret.txt")
def secret_file() -> ResponseReturnValue:
    """The enroll secret, as osqueryd reads it."""
    authorize("read", SECRETS)
    secret = _secret()
    if secret is None:
        raise NotFound("there is no enroll secret")
    return _file("secret.txt", secret)


@pages.get("/hosts/add/flagfile.txt")
def flag_file() -> ResponseReturnValue:
    """The flags of an osqueryd that calls this server."""
    authorize("read", SECRETS)
    return _file(
        "flagfile.txt", FLAGS.format(place=urlsplit(_server_url()).netloc, prefix=settings().server.url_prefix)
    )


@pages.get("/hosts/add/fleet.pem")
def certificate_file() -> ResponseReturnValue:
    """The certificate that this server shows to agents."""
    authorize("read", SECRETS)
    path = _certificate()
    if path is None:
        raise NotFound("this server does not serve TLS itself; take the certificate from the proxy in front of it")
    return _file("fleet.pem", "".join(CERTIFICATES.findall(path.read_text(encoding="ascii", errors="replace"))))
