"""Tables about software that languages bring: Python and npm packages."""

import json
import pwd
import site
from collections.abc import Iterable, Iterator, Sequence
from email import message_from_string
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from pathlib import Path

from fleet.schema import Constraint

from .registry import Row, read, table, wanted

PYTHON_PLACES = (
    "/usr/lib/python3/dist-packages",
    "/usr/lib/python3*/site-packages",
    "/usr/lib64/python3*/site-packages",
    "/usr/local/lib/python3*/dist-packages",
    "/usr/local/lib/python3*/site-packages",
    "/Library/Frameworks/Python.framework/Versions/*/lib/python3*/site-packages",
)
PYTHON_FIELDS = {
    "Name": "name", "Version": "version", "Summary": "summary", "Author": "author", "License": "license",
}  # fmt: skip
NODE_PLACES = ("/usr/lib/node_modules", "/usr/local/lib/node_modules", "/opt/homebrew/lib/node_modules")


@table("python_packages", constrained=True)
def python_packages(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """Distributions in the system's, the users' and the agent's own folders, or where the query says."""
    named = wanted(constraints, "directory")
    folders = [(Path(name), 0) for name in named] if named else list(_python_folders())
    for folder, uid in folders:
        for distribution in MetadataPathFinder.find_distributions(DistributionFinder.Context(path=[str(folder)])):
            yield _python_row(distribution, folder, uid)


def _python_folders() -> Iterator[tuple[Path, int]]:
    seen = set()
    for pattern in PYTHON_PLACES:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            seen.add(folder)
            yield folder, 0
    for folder in map(Path, site.getsitepackages()):
        if folder not in seen and folder.is_dir():
            yield folder, 0
    for user in pwd.getpwall():
        for folder in sorted(Path(user.pw_dir).glob(".local/lib/python3*/site-packages")):
            yield folder, user.pw_uid


def _python_row(distribution: Distribution, folder: Path, uid: int) -> Row:
    place = _place(distribution, folder)
    said = message_from_string(read(place / "METADATA") or read(place / "PKG-INFO") or read(place))
    return {
        **{column: str(said.get(name, "")).partition("\n")[0] for name, column in PYTHON_FIELDS.items()},
        "uid": uid, "path": str(place), "directory": str(folder),
    }  # fmt: skip


def _place(distribution: Distribution, folder: Path) -> Path:
    place = getattr(distribution, "_path", None)
    return place if isinstance(place, Path) else folder


@table("npm_packages", constrained=True)
def npm_packages(constraints: Sequence[Constraint]) -> Iterable[Row]:
    """Packages installed for everybody, or below a folder that the query names."""
    named = wanted(constraints, "directory")
    for place in [str(Path(name, "node_modules")) for name in named] or NODE_PLACES:
        root = Path(place)
        for path in sorted([*root.glob("*/package.json"), *root.glob("@*/*/package.json")]):
            package = _package(path)
            if package.get("name"):
                yield {
                    "name": package["name"], "version": package["version"],
                    "description": package["description"], "author": package["author"],
                    "license": package["license"], "homepage": package["homepage"],
                    "path": str(path), "directory": str(root.parent), "depth": 0,
                }  # fmt: skip


def _package(path: Path) -> dict[str, str]:
    try:
        found = json.loads(read(path))
    except ValueError:
        return {}
    document = found if isinstance(found, dict) else {}
    names = ("name", "version", "description", "author", "license", "homepage")
    return {name: _said(document.get(name)) for name in names}


def _said(value: object) -> str:
    """The author may be an object with a name, the license one with a type."""
    if isinstance(value, dict):
        return str(value.get("name") or value.get("type") or "")
    return value if isinstance(value, str) else ""
