"""Vendored files come from the packages that vendor.toml pins, or not at all."""

import base64
import hashlib
import io
import tarfile
from fnmatch import fnmatch
from pathlib import Path

import click
import pytest

from fleet.web.vendor import STATIC, Package, read_manifest, vendored, wanted_files

DRAWING = '<!-- license --><svg\n  class="x"\n>\n  <path d="M1 1" />\n</svg>\n'


def packed(folder: Path, files: dict[str, str]) -> tuple[Path, str]:
    """A package as npm packs it, and its hash."""
    path = folder / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path, base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def test_only_the_named_files_are_taken(tmp_path: Path) -> None:
    tarball, sha512 = packed(tmp_path, {"LICENSE": "free", "dist/a.js": "a", "dist/b.js": "b"})
    package = Package(name="lib", version="1.0.0", sha512=sha512, files=["LICENSE", "dist/a*"])
    assert dict(wanted_files(package, tarball)) == {
        "vendor/lib-1.0.0/LICENSE": b"free",
        "vendor/lib-1.0.0/dist/a.js": b"a",
    }


def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    tarball, _ = packed(tmp_path, {"LICENSE": "free"})
    package = Package(name="lib", version="1.0.0", sha512="bm90IGl0", files=["LICENSE"])
    with pytest.raises(click.ClickException, match=r"lib@1\.0\.0 has sha512"):
        list(wanted_files(package, tarball))


@pytest.mark.parametrize(("files", "icons"), [(["gone.js"], []), (["LICENSE"], ["gone"])])
def test_a_missing_file_or_icon_is_an_error(tmp_path: Path, files: list[str], icons: list[str]) -> None:
    tarball, sha512 = packed(tmp_path, {"LICENSE": "free", "icons/there.svg": DRAWING})
    package = Package(name="lib", version="1.0.0", sha512=sha512, files=files, icons=icons)
    with pytest.raises(click.ClickException, match="gone"):
        list(wanted_files(package, tarball))


def test_icons_become_symbols_of_one_file(tmp_path: Path) -> None:
    tarball, sha512 = packed(tmp_path, {"LICENSE": "free", "icons/b.svg": DRAWING, "icons/a.svg": DRAWING})
    package = Package(name="lib", version="1.0.0", sha512=sha512, files=["LICENSE"], icons=["b", "a"])
    joined = dict(wanted_files(package, tarball))["icons.svg"].decode()
    assert '<symbol id="a" viewBox="0 0 24 24"><path d="M1 1" /></symbol>\n<symbol id="b"' in joined


def test_what_is_vendored_is_what_the_manifest_names() -> None:
    present = {name for name in vendored(STATIC) if name.startswith("vendor/")}
    patterns = [
        f"vendor/{package.name}-{package.version}/{pattern}"
        for package in read_manifest(STATIC / "vendor.toml")
        for pattern in package.files
    ]
    assert {name for name in present if not any(fnmatch(name, pattern) for pattern in patterns)} == set()
    assert [pattern for pattern in patterns if not any(fnmatch(name, pattern) for name in present)] == []
