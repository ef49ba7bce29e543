"""The settings of the process: read once from the environment, then frozen.

The name of a setting in the environment is `FLEET_` with its section and field: `Osquery.enroll_cooldown` is
`FLEET_OSQUERY_ENROLL_COOLDOWN`. Secrets can also be read from a file, named by the same variable with `_PATH`.
"""

import ipaddress
import logging
import os
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

log = logging.getLogger(__name__)

SHORTEST_KEY = 16
"""Characters of a secret key."""

UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}


class BadSetting(ValueError):
    """A value that cannot be used; the text names the variable and says what would do."""


def duration(value: object) -> object:
    """`90s`, `1h30m`, `5d` or a number of seconds, as a timedelta; anything else is left for pydantic to refuse."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|us|ns|d|h|m|s)", text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        parts = [(text, "s")]
    elif not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("must be a duration such as 90s, 30m, 1h30m or 5d")
    try:
        return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in parts))
    except OverflowError:
        raise ValueError("is longer than any clock runs") from None


Duration = Annotated[timedelta, BeforeValidator(duration), Field(ge=timedelta(0))]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(value: object) -> object:
    return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    """Where the server listens, and how it is reached."""

    address: str = Field("127.0.0.1:8080", description="host:port to listen on; `:8080` is every address")
    tls: bool | None = Field(
        None,
        description="serve TLS; needed (or set to false on purpose) to listen beyond this computer",
    )
    cert: Path | None = Field(None, description="certificate chain, PEM; none: a self-signed one is made")
    key: Path | None = Field(None, description="private key of the certificate, PEM")
    url_prefix: str = Field("", pattern=r"^((?:/[a-zA-Z0-9_.~-]+)+)?$", description="path in front of all others")
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_networks)] = Field(
        (),
        description="networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, "
        "comma-separated",
    )
    websockets_allow_unsafe_origin: bool = Field(
        False, description="do not compare the Origin of a WebSocket with the address of the server"
    )
    secret_key: SecretStr | None = Field(
        None,
        description="signs CSRF tokens, flash messages and tickets of live queries; none: made once in the data "
        f"folder. At least {SHORTEST_KEY} characters. The processes of one server need the same one, or forms of one "
        "are refused by another",
    )

    @property
    def host(self) -> str:
        """The address part, without brackets; empty means every address."""
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port part."""
        return int(self.address.rpartition(":")[2])

    @property
    def loopback(self) -> bool:
        """Whether only this computer can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s]*):\d{1,5}", self.address) or self.port > 65535:
            raise BadSetting(f"FLEET_SERVER_ADDRESS: must be host:port, not {self.address!r}")
        if not self.loopback and self.tls is None:
            raise BadSetting(
                f"FLEET_SERVER_TLS: {self.address} can be reached from other computers; set it to true (a "
                "certificate is made if you give none), or to false if a proxy in front of the server does TLS"
            )
        if (self.cert is None) != (self.key is None):
            name = "FLEET_SERVER_KEY" if self.key is None else "FLEET_SERVER_CERT"
            raise BadSetting(f"{name}: a certificate and its key go together")
        if self.secret_key is not None and len(self.secret_key.get_secret_value()) < SHORTEST_KEY:
            raise BadSetting(f"FLEET_SERVER_SECRET_KEY: must have at least {SHORTEST_KEY} characters")
        return self


def _url(variable: str, schemes: tuple[str, ...]) -> AfterValidator:
    """Only empty, or a URL of these schemes. The value stays out of the error, since it may hold a password."""

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            raise BadSetting(f"{variable}: is no URL") from None
        if text and parts.scheme not in schemes:
            raise BadSetting(f"{variable}: must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return AfterValidator(check)


class Database(Section):
    """Where rows are stored."""

    url: Annotated[SecretStr, _url("FLEET_DATABASE_URL", ("postgresql", "postgresql+psycopg", "sqlite"))] = Field(
        SecretStr(""), description="PostgreSQL, postgresql://... ; none: SQLite, in the data folder"
    )


class Redis(Section):
    """What several processes share."""

    url: Annotated[SecretStr, _url("FLEET_REDIS_URL", ("redis", "rediss"))] = Field(
        SecretStr(""), description="Redis or Valkey, redis://... or rediss://... ; none: kept in the process"
    )


class Session(Section):
    """How long a sign-in lasts."""

    key_size: int = Field(64, ge=32, le=256, description="random bytes in a session key")
    duration: Duration = Field(
        timedelta(hours=120),
        description="a session unused for so long ends, and a browser's so long after its sign-in; 0: never",
    )


class Osquery(Section):
    """What is asked of osqueryd, and how often."""

    node_key_size: int = Field(24, ge=16, le=256, description="random bytes in a node key")
    host_identifier: Literal["provided", "instance", "uuid", "hostname"] = Field(
        "provided", description="what identifies a host as it enrolls"
    )
    enroll_cooldown: Duration = Field(timedelta(0), description="refuse to enroll a host again for so long")
    label_update_interval: Duration = Field(timedelta(hours=1), description="how often labels are asked")
    policy_update_interval: Duration = Field(timedelta(hours=1), description="how often policies are asked")
    detail_update_interval: Duration = Field(timedelta(hours=1), description="how often details are asked")
    max_jitter_percent: int = Field(10, ge=0, le=100, description="spread of the intervals from host to host")
    status_log_plugin: Literal["filesystem", "stdout"] = Field(
        "filesystem", description="where status logs of hosts go"
    )
    result_log_plugin: Literal["filesystem", "stdout"] = Field(
        "filesystem", description="where results of scheduled queries go"
    )


class Filesystem(Section):
    """Where the filesystem log plugin writes."""

    status_log_file: Path | None = Field(None, description="status logs; none: logs/status.log in the data folder")
    result_log_file: Path | None = Field(None, description="results; none: logs/result.log in the data folder")
    enable_log_rotation: bool = Field(False, description="start a new file when max_size is reached")
    enable_log_compression: bool = Field(False, description="gzip what was rotated away")
    max_size: int = Field(500, ge=1, description="megabytes of a file before it is rotated")
    max_age: int = Field(28, ge=0, description="days that rotated files are kept; 0: for ever")
    max_backups: int = Field(3, ge=0, description="rotated files that are kept; 0: all")


class Logging(Section):
    """The server's own log."""

    debug: bool = Field(False, description="log more")
    json_: bool = Field(False, alias="json", description="one JSON object a line in place of key=value")


class Prometheus(Section):
    """Who may read /metrics; nobody unless one of these is set."""

    basic_auth_username: str = Field("", description="user name for /metrics")
    basic_auth_password: SecretStr = Field(SecretStr(""), description="password for /metrics")
    basic_auth_disable: bool = Field(False, description="serve /metrics to everybody")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.basic_auth_username) != bool(self.basic_auth_password.get_secret_value()):
            name = "PASSWORD" if self.basic_auth_username else "USERNAME"
            raise BadSetting(f"FLEET_PROMETHEUS_BASIC_AUTH_{name}: a user name and its password go together")
        return self


class Live(Section):
    """Live queries."""

    query_rest_period: Duration = Field(
        timedelta(seconds=25), description="how long a synchronous live query collects answers"
    )


class Packaging(Section):
    """What is fixed from outside for installers."""

    global_enroll_secret: SecretStr = Field(
        SecretStr(""), max_length=255, description="the global enroll secret; none: a random one is made at setup"
    )


class Settings(Section):
    """All settings of the process."""

    data_dir: Path = Field(Path("data"), description="database, logs, certificate and keys that are made here")
    server: Server = Server()
    database: Database = Database()
    redis: Redis = Redis()
    session: Session = Session()
    osquery: Osquery = Osquery()
    filesystem: Filesystem = Filesystem()
    logging: Logging = Logging()
    prometheus: Prometheus = Prometheus()
    live: Live = Live()
    packaging: Packaging = Packaging()

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of this environment; a value that cannot be used raises `BadSetting`."""
        values: dict[str, Any] = {}
        known = set()
        for variable, section, field, info in variables():
            known |= {variable, f"{variable}_PATH"} if _is_secret(info) else {variable}
            text = _text(environ, variable, secret=_is_secret(info))
            if text is not None:
                (values.setdefault(section, {}) if section else values)[field] = text
        for variable in sorted(set(environ) - known):
            if variable.startswith("FLEET_"):
                log.warning("unknown setting %s is ignored", variable)
        try:
            return cls.model_validate(values)
        except ValidationError as refused:
            raise BadSetting("; ".join(_words(dict(error)) for error in refused.errors())) from None


def variables() -> Iterator[tuple[str, str, str, FieldInfo]]:
    """Every setting: its environment variable, section ("" at the top), field and definition."""
    for name, info in Settings.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            for field, inner in info.annotation.model_fields.items():
                yield f"FLEET_{name}_{inner.alias or field}".upper(), name, inner.alias or field, inner
        else:
            yield f"FLEET_{name}".upper(), "", name, info


def _is_secret(info: FieldInfo) -> bool:
    return info.annotation in (SecretStr, SecretStr | None)


def _text(environ: Mapping[str, str], variable: str, *, secret: bool) -> str | None:
    if variable in environ:
        return environ[variable]
    path = environ.get(f"{variable}_PATH") if secret else None
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"{variable}_PATH: {path} cannot be read: {error}") from error


def _words(error: dict[str, Any]) -> str:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, BadSetting):
        return str(cause)
    place = {(section, field): variable for variable, section, field, _ in variables()}
    section, field = [*map(str, error["loc"][:2]), ""][:2]
    variable = place.get((section, field)) or place.get(("", section), section)
    message = str(cause or error["msg"])
    return f"{variable}: {message[0].lower() + message[1:]}"
