"""Software of simulated hosts: what the template brings, and what each host has beside it."""

import json
import random
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path

from fleet.schema import Row

from .templates import Template

CHANCE_OF_EXTRA = 0.35

Make = Callable[[Sequence[str], str, int], Row]


@cache
def catalog() -> dict[str, list[list[str]]]:
    """Names with an older and a newer version, by kind."""
    found: dict[str, list[list[str]]] = json.loads(Path(__file__).with_name("software.json").read_bytes())
    return found


def _deb(names: Sequence[str], version: str, _when: int) -> Row:
    return {
        "name": names[0], "version": version, "source": "", "size": 100 + len(names[0]) * 37, "arch": "amd64",
        "revision": version.rpartition("-")[2] if "-" in version else "", "status": "install ok installed",
        "maintainer": "", "section": "", "priority": "optional", "admindir": "/var/lib/dpkg",
    }  # fmt: skip


def _rpm(names: Sequence[str], version: str, _when: int) -> Row:
    upstream, _, release = version.partition("-")
    return {
        "name": names[0], "version": upstream, "release": release, "source": f"{names[0]}-{version}.src.rpm",
        "size": 1000 + len(names[0]) * 371, "sha1": "", "arch": "x86_64", "epoch": None,
        "install_time": 1_700_000_000, "vendor": "", "package_group": "Unspecified",
    }  # fmt: skip


def _app(names: Sequence[str], version: str, when: int) -> Row:
    name, bundle = names[0], names[1]
    folder = "/System/Applications" if bundle.startswith("com.apple.") else "/Applications"
    return {
        "name": f"{name}.app", "path": f"{folder}/{name}.app", "bundle_executable": name,
        "bundle_identifier": bundle, "bundle_name": name, "bundle_short_version": version,
        "bundle_version": version, "bundle_package_type": "APPL", "display_name": name,
        "minimum_system_version": "11.0", "category": "", "last_opened_time": float(when),
    }  # fmt: skip


def _program(names: Sequence[str], version: str, _when: int) -> Row:
    return {
        "name": names[0], "version": version, "install_location": f"C:\\Program Files\\{names[0]}\\",
        "install_source": "", "language": "1033", "publisher": names[1], "uninstall_string": "",
        "install_date": "20240612", "identifying_number": "",
    }  # fmt: skip


def _python(names: Sequence[str], version: str, _when: int) -> Row:
    folder = "/usr/local/lib/python3/site-packages"
    path = f"{folder}/{names[0]}-{version}.dist-info"
    return {"name": names[0], "version": version, "path": path, "directory": folder, "uid": 0}


def _npm(names: Sequence[str], version: str, _when: int) -> Row:
    path = f"/usr/local/lib/node_modules/{names[0]}/package.json"
    return {"name": names[0], "version": version, "path": path, "directory": "/usr/local/lib"}


def _brew(names: Sequence[str], version: str, _when: int) -> Row:
    path = f"/opt/homebrew/Cellar/{names[0]}/{version}"
    return {"name": names[0], "version": version, "path": path, "type": "formula", "prefix": "/opt/homebrew"}


def _extension(names: Sequence[str], version: str, _when: int) -> Row:
    return {
        "browser_type": "chrome", "name": names[0], "identifier": names[1], "version": version,
        "profile": "Default", "from_webstore": "true", "state": "1", "persistent": 0,
        "path": f"Default/Extensions/{names[1]}/{version}_0",
    }  # fmt: skip


def _addon(names: Sequence[str], version: str, _when: int) -> Row:
    return {
        "name": names[0], "identifier": names[1], "version": version, "type": "extension", "visible": 1,
        "active": 1, "disabled": 0, "autoupdate": 1, "path": f"extensions/{names[1]}.xpi",
    }  # fmt: skip


KINDS: dict[str, Make] = {
    "apps": _app, "chrome_extensions": _extension, "deb_packages": _deb, "firefox_addons": _addon,
    "homebrew_packages": _brew, "npm_packages": _npm, "programs": _program, "python_packages": _python,
    "rpm_packages": _rpm,
}  # fmt: skip


@lru_cache(maxsize=256)
def _rows(table: str, kind: str, patched: bool, dist: str) -> tuple[Row, ...]:
    """All entries of a kind as rows; hosts share them."""
    make = KINDS[table]
    when = 1_724_000_000 if patched else 1_690_000_000
    return tuple(
        make(names, (newer if patched else older).replace(".el9", f".{dist}"), when)
        for *names, older, newer in catalog()[kind]
    )


def installed(table: str, template: Template, *, patched: bool, chance: random.Random) -> list[Row]:
    """What a host has of a table: everything of the template, some of the extras."""
    base, extra = _lists(table, template)
    rows = list(_rows(table, base, patched, template.dist)) if base else []
    if extra:
        rows += [row for row in _rows(table, extra, patched, template.dist) if chance.random() < CHANCE_OF_EXTRA]
    return rows


def _lists(table: str, template: Template) -> tuple[str, str]:
    """The names of the lists that fill a table: for every host, and for some."""
    linux = template.packages
    if table == "deb_packages":
        return (linux, "deb_extra") if linux in ("debian", "ubuntu") else ("", "")
    if table == "rpm_packages":
        return ("rpm", "rpm_extra") if linux == "rpm" else ("", "")
    if table in ("apps", "programs"):
        return table, f"{table}_extra"
    if table in ("chrome_extensions", "firefox_addons") and template.is_server:
        return "", ""
    return "", table
