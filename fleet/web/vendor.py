"""Copies the browser's libraries and icons from npm packages into static/, as vendor.toml says."""

import base64
import fnmatch
import hashlib
import re
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
from pydantic import BaseModel, ConfigDict

STATIC = Path(__file__).resolve().parents[2] / "static"


class Package(BaseModel):
    """One npm package, pinned by version and hash, and what is taken from it."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str
    sha512: str
    files: list[str]
    icons: list[str] = []

    @property
    def pinned(self) -> str:
        """Name and version, as npm writes them."""
        return f"{self.name}@{self.version}"


def read_manifest(path: Path) -> list[Package]:
    """Return the packages that vendor.toml names."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Package.model_validate(entry) for entry in listed["package"]]


def wanted_files(package: Package, tarball: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path below static/ and content of everything taken from a package that matches its hash."""
    digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if digest != package.sha512:
        raise click.ClickException(f"{package.pinned} has sha512 {digest}, not {package.sha512}")
    members = _members(tarball)
    for pattern in package.files:
        names = fnmatch.filter(members, pattern)
        if not names:
            raise click.ClickException(f"{package.pinned} has no file {pattern}")
        for name in names:
            yield f"vendor/{package.name}-{package.version}/{name}", members[name]
    if package.icons:
        yield "icons.svg", _joined_icons(package, members)


def _members(tarball: Path) -> dict[str, bytes]:
    members = {}
    with tarfile.open(tarball) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None:
                members[member.name.partition("/")[2]] = stream.read()
    return members


def _joined_icons(package: Package, members: dict[str, bytes]) -> bytes:
    licence = f"vendor/{package.name}-{package.version}/LICENSE"
    symbols = [f"<!-- {package.name} {package.version}, ISC, see {licence} -->"]
    for icon in sorted(package.icons):
        source = members.get(f"icons/{icon}.svg", b"").decode()
        drawing = re.search(r"<svg[^>]*>(.*)</svg>", source, re.DOTALL)
        if drawing is None:
            raise click.ClickException(f"{package.pinned} has no icon {icon}")
        lines = "".join(line.strip() for line in drawing[1].splitlines())
        symbols.append(f'<symbol id="{icon}" viewBox="0 0 24 24">{lines}</symbol>')
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def _pack(package: Package, folder: Path) -> Path:
    command = [
        "npm",
        "pack",
        f"{package.pinned}",
        "--silent",
        "--pack-destination",
        str(folder),
    ]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as missing:
        raise click.ClickException("npm is needed to fetch the packages") from missing
    except subprocess.CalledProcessError as failed:
        raise click.ClickException(f"npm pack {package.pinned}: {failed.stderr.strip()}") from failed
    except subprocess.TimeoutExpired as late:
        raise click.ClickException(f"npm pack {package.pinned} took longer than 5 minutes") from late
    return folder / done.stdout.strip().splitlines()[-1]


def sums_of(files: dict[str, bytes]) -> str:
    """The text of vendor.sums: the SHA-256 of every file, and its path below static/."""
    return "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))


def vendored(static: Path) -> dict[str, bytes]:
    """What stands in static/ now of everything that packages bring; compressed copies do not count."""
    paths = [path for path in (static / "vendor").rglob("*") if path.is_file() and path.suffix != ".gz"]
    return {str(path.relative_to(static)): path.read_bytes() for path in [*paths, static / "icons.svg"]}


@click.command("vendor")
@click.option("--check", is_flag=True, help="Change nothing, fetch nothing; fail when a file is not as it was fetched.")
def vendor(check: bool) -> None:
    """Fetch the packages of static/vendor.toml, which takes npm, and copy the named files to static/."""
    sums = STATIC / "vendor.sums"
    present = vendored(STATIC)
    if check:
        differing = set(sums_of(present).splitlines()) ^ set(sums.read_text(encoding="ascii").splitlines())
        if differing:
            names = sorted({line.partition("  ")[2] for line in differing})
            raise click.ClickException("not as fetched: " + ", ".join(names))
        click.echo(f"{len(present)} files are as they were fetched")
        return
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        for package in read_manifest(STATIC / "vendor.toml"):
            files.update(wanted_files(package, _pack(package, Path(folder))))
    for name in present.keys() - files.keys():
        (STATIC / name).unlink()
    for name, content in files.items():
        (STATIC / name).parent.mkdir(parents=True, exist_ok=True)
        (STATIC / name).write_bytes(content)
    sums.write_text(sums_of(files), encoding="ascii")
    click.echo(f"{len(files)} files")
