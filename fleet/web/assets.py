"""Styles and scripts: joined into few bundles as they are asked for, under addresses that name their version."""

import gzip
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response
from whitenoise import WhiteNoise

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

ADDRESS = "/assets/"
YEAR = 365 * 24 * 3600

ACE = "vendor/ace-builds-1.45.2/"
_ACE_JS = f"{ACE}src-min-noconflict/"

BUNDLES = {
    "app.css": (
        "css/tokens.css", "css/base.css", "css/frame.css", "css/buttons.css", "css/fields.css", "css/marks.css",
        "css/charts.css", "css/tables.css", "css/navigation.css", "css/panels.css", "css/overlays.css",
        "css/pages.css", "css/utilities.css",
    ),
    "app.js": ("vendor/htmx.org-2.0.11/dist/htmx.min.js", "js/app.js", "js/aside.js"),
    "setup.js": ("js/setup.js",),
    "run.js": ("js/grid.js", "js/live.js"),
    "editor.js": ("js/editor.js",),
    # Where ace's own style sheet stands, which names its images by relative addresses.
    f"{ACE}css/editor.css": (f"{ACE}css/ace.css", "css/editor.css"),
    "ace-sql.js": (f"{_ACE_JS}ace.js", f"{_ACE_JS}mode-sql.js", f"{_ACE_JS}ext-language_tools.js"),
    "ace-yaml.js": (f"{_ACE_JS}ace.js", f"{_ACE_JS}mode-yaml.js"),
}  # fmt: skip
"""What browsers fetch, and the files below static/ that it is made of, in their order."""

_BETWEEN = {".css": b"\n", ".js": b"\n;\n"}
_TYPES = {".css": "text/css", ".js": "text/javascript"}

Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Joined:
    """A bundle as its parts were when it was joined."""

    stamp: Stamp
    content: bytes
    packed: bytes
    version: str


class Assets:
    """The files of `static`, and its bundles."""

    def __init__(self, static: Path) -> None:
        self._static = static
        self._parts = {name: [static / part for part in parts] for name, parts in BUNDLES.items()}
        self._joined: dict[str, Joined] = {}
        files = (path for path in static.rglob("*") if path.is_file() and path.suffix != ".gz")
        self._versions = {path.relative_to(static).as_posix(): _version(path.read_bytes()) for path in files}

    def address(self, name: str) -> str:
        """Where a bundle or a file is, below the URL prefix; the address names the version of its content."""
        version = self.joined(name).version if name in BUNDLES else self._versions[name]
        return f"{ADDRESS}{name}?v={version}"

    def joined(self, name: str) -> Joined:
        """A bundle; joined anew once a part has changed, so that an edit shows on reload."""
        held, parts = self._joined.get(name), self._parts[name]
        try:
            stamp = tuple((seen.st_mtime_ns, seen.st_size) for seen in (part.stat() for part in parts))
            if held is None or held.stamp != stamp:
                content = _BETWEEN[Path(name).suffix].join(part.read_bytes() for part in parts)
                held = Joined(stamp, content, gzip.compress(content, mtime=0), _version(content))
                self._joined[name] = held
        except FileNotFoundError:  # a part is just being replaced
            if held is None:
                raise
        return held

    def before(self, app: Wsgi) -> Wsgi:
        """The application behind them: bundles from memory, other files from `static`, the rest from `app`."""
        files = WhiteNoise(app, root=str(self._static), prefix=ADDRESS, max_age=YEAR, add_headers_function=_nosniff)

        def serve(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            name = path.removeprefix(ADDRESS)
            if name != path and name in BUNDLES:
                return self._answer(name, Request(environ))(environ, start_response)
            return files(environ, start_response)  # type: ignore[no-any-return]

        return serve

    def _answer(self, name: str, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(status=405, headers={"Allow": "GET, HEAD"})
        bundle = self.joined(name)
        packed = request.accept_encodings["gzip"] > 0
        answer = Response(bundle.packed if packed else bundle.content, mimetype=_TYPES[Path(name).suffix])
        if packed:
            answer.content_encoding = "gzip"
        answer.vary.add("Accept-Encoding")
        answer.set_etag(f"{bundle.version}-gzip" if packed else bundle.version)
        # During an upgrade a page of one version may ask a process of the other: that answer is not to be kept.
        kept = request.args.get("v") == bundle.version
        answer.headers["Cache-Control"] = f"max-age={YEAR}, public, immutable" if kept else "no-cache"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer.make_conditional(request)


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _nosniff(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
