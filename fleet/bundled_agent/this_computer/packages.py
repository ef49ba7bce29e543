"""Tables about the distribution's packages, where they come from, and the services they bring."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fleet.schema import Constraint

from .registry import Row, command, number, read, table

DPKG_STATUS = "/var/lib/dpkg/status"
RPM_FORMAT = "\\t".join(
    f"%{{{tag}}}"
    for tag in (
        "NAME", "VERSION", "RELEASE", "SOURCERPM", "SIZE", "SHA1HEADER", "ARCH", "EPOCH", "INSTALLTIME",
        "VENDOR", "GROUP",
    )
)  # fmt: skip
RPM_COLUMNS = (
    "name", "version", "release", "source", "size", "sha1", "arch", "epoch", "install_time", "vendor",
    "package_group",
)  # fmt: skip
RPM_NUMBERS = frozenset(("size", "epoch", "install_time"))
RPM_NOTHING = "(none)"


@table("deb_packages")
def deb_packages(_: Sequence[Constraint]) -> Iterable[Row]:
    """Packages that dpkg knows, whatever their status."""
    for package in stanzas(read(DPKG_STATUS)):
        version = package.get("Version", "")
        yield {
            "name": package.get("Package", ""), "version": version,
            "source": package.get("Source", "").partition(" ")[0],
            "size": number(package.get("Installed-Size", "")) or 0, "arch": package.get("Architecture", ""),
            "revision": version.rpartition("-")[2] if "-" in version else "",
            "status": package.get("Status", ""), "maintainer": package.get("Maintainer", ""),
            "section": package.get("Section", ""), "priority": package.get("Priority", ""),
            "admindir": "/var/lib/dpkg",
        }  # fmt: skip


def stanzas(text: str) -> Iterator[dict[str, str]]:
    """The stanzas of Debian's control files; of folded fields the first line."""
    for block in text.split("\n\n"):
        stanza = {}
        for line in block.splitlines():
            if not line[:1].isspace() and ":" in line and not line.startswith("#"):
                name, _, value = line.partition(":")
                stanza[name] = value.strip()
        if stanza:
            yield stanza


@table("rpm_packages")
def rpm_packages(_: Sequence[Constraint]) -> Iterable[Row]:
    """Packages of the RPM database."""
    if not any(Path(place).exists() for place in ("/var/lib/rpm", "/usr/lib/sysimage/rpm")):
        return
    for line in command("rpm", "-qa", "--queryformat", RPM_FORMAT + "\\n"):
        values = line.split("\t")
        if len(values) != len(RPM_COLUMNS):
            continue
        said = {
            column: "" if value == RPM_NOTHING else value for column, value in zip(RPM_COLUMNS, values, strict=True)
        }
        yield {
            column: number(value) if column in RPM_NUMBERS else value for column, value in said.items()
        }  # fmt: skip


@table("apt_sources")
def apt_sources(_: Sequence[Constraint]) -> Iterable[Row]:
    """Repositories that apt asks."""
    folder = Path("/etc/apt/sources.list.d")
    listed = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in [Path("/etc/apt/sources.list"), *listed]:
        entries = _deb822(path) if path.suffix == ".sources" else _one_line(path)
        for uri, suite, components, architectures in entries:
            yield {
                "name": f"{uri.split('://')[-1].strip('/')} {suite}", "source": str(path), "base_uri": uri,
                "release": suite, "version": "", "maintainer": "", "components": components,
                "architectures": architectures,
            }  # fmt: skip


def _one_line(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for line in read(path).splitlines():
        match = re.match(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)", line.strip())
        if match:
            options, uri, suite, components = match.groups()
            arch = re.search(r"arch=(\S+)", options or "")
            yield uri, suite, components.strip(), arch.group(1) if arch else ""


def _deb822(path: Path) -> Iterator[tuple[str, str, str, str]]:
    for stanza in stanzas(read(path)):
        for uri in stanza.get("URIs", "").split():
            for suite in stanza.get("Suites", "").split():
                yield uri, suite, stanza.get("Components", ""), stanza.get("Architectures", "")


@table("systemd_units")
def systemd_units(_: Sequence[Constraint]) -> Iterable[Row]:
    """Units that systemd has loaded, where systemd runs."""
    if not Path("/run/systemd/system").exists():
        return
    for line in command("systemctl", "list-units", "--all", "--plain", "--no-legend", "--no-pager"):
        words = line.split(None, 4)
        if len(words) >= 4:
            yield {
                "id": words[0], "description": words[4] if len(words) > 4 else "", "load_state": words[1],
                "active_state": words[2], "sub_state": words[3],
            }  # fmt: skip
