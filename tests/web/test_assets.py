"""Bundles: what they are made of, when they change, and how browsers and caches are answered."""

import gzip
import re
import shutil
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client
from werkzeug.wrappers import Response

from fleet.web.assets import ACE, BUNDLES, Assets

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
OLD = "no-cache"
KEPT = "max-age=31536000, public, immutable"


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A copy of the files that may be edited."""
    return Path(shutil.copytree(STATIC, tmp_path / "static", ignore=shutil.ignore_patterns("*.gz")))


def client_of(assets: Assets) -> Client:
    return Client(assets.before(Response("not an asset", status=404)))


def test_every_style_and_script_of_our_own_is_in_one_bundle() -> None:
    parts = [part for parts in BUNDLES.values() for part in parts if not part.startswith("vendor/")]
    own = [path.relative_to(STATIC).as_posix() for kind in ("css", "js") for path in (STATIC / kind).glob(f"*.{kind}")]
    assert sorted(parts) == sorted(own)


def test_no_bundle_hides_a_file() -> None:
    assert [name for name in BUNDLES if (STATIC / name).exists()] == []


def test_every_asset_that_templates_name_is_there() -> None:
    call = re.compile(r"""\basset\(\s*["']([^"']+)["']\s*\)""")
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "templates").rglob("*.html")]
    named = {name for text in texts for name in call.findall(text)} | {"ace-sql.js", "ace-yaml.js"}
    assert set(BUNDLES) <= named
    assert [name for name in named if name not in BUNDLES and not (STATIC / name).is_file()] == []


def test_styles_are_joined_in_their_order_and_say_the_order_of_layers_first() -> None:
    text = Assets(STATIC).joined("app.css").content.decode()
    rules = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).lstrip()
    assert rules.startswith("@layer reset, tokens, base, layout, components, pages, utilities;")
    heads = [(STATIC / part).read_text(encoding="utf-8").splitlines()[0] for part in BUNDLES["app.css"]]
    assert [line for line in text.splitlines() if line in heads] == heads


def test_images_of_the_editor_stand_where_its_styles_look_for_them() -> None:
    text = Assets(STATIC).joined(f"{ACE}css/editor.css").content.decode()
    images = set(re.findall(r'url\("\./([^"]+)"\)', text))
    assert images and all((STATIC / ACE / "css" / image).is_file() for image in images)


def test_an_edit_shows_at_once_under_a_new_address(static: Path) -> None:
    assets = Assets(static)
    client, before = client_of(assets), assets.address("app.css")
    assert before == assets.address("app.css")
    (static / "css" / "pages.css").write_text("@layer pages { .new { color: red } }\n", encoding="utf-8")
    after = assets.address("app.css")
    assert after != before
    assert client.get(after).text.count(".new { color: red }") == 1
    assert client.get(after).headers["Cache-Control"] == KEPT
    assert client.get(before).headers["Cache-Control"] == OLD


def test_while_a_part_is_being_replaced_the_bundle_stays(static: Path) -> None:
    assets = Assets(static)
    before = assets.address("app.css")
    (static / "css" / "pages.css").unlink()
    assert assets.address("app.css") == before
    assert client_of(assets).get(before).status_code == 200


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_comes_compressed_to_who_takes_that(name: str) -> None:
    assets = Assets(STATIC)
    client, address = client_of(assets), assets.address(name)
    plain = client.get(address)
    packed = client.get(address, headers={"Accept-Encoding": "gzip, deflate, br"})
    refused = client.get(address, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in refused.headers
    for answer in (plain, packed):
        assert answer.mimetype == ("text/css" if name.endswith(".css") else "text/javascript")
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Cache-Control"] == KEPT
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_copy_that_is_still_right_is_not_sent_again(encoding: str) -> None:
    assets = Assets(STATIC)
    client, accepts = client_of(assets), {"Accept-Encoding": encoding}
    tag = client.get(assets.address("app.css"), headers=accepts).headers["ETag"]
    again = client.get(assets.address("app.css"), headers=accepts | {"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    other = {"gzip": "identity", "identity": "gzip"}[encoding]
    answer = client.get(assets.address("app.css"), headers={"Accept-Encoding": other, "If-None-Match": tag})
    assert answer.status_code == 200


def test_only_reading_is_allowed() -> None:
    assets = Assets(STATIC)
    client, address = client_of(assets), assets.address("app.js")
    head = client.head(address)
    assert (head.status_code, head.data) == (200, b"") and int(head.headers["Content-Length"]) > 50_000
    refused = client.post(address)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_what_is_no_bundle_is_served_from_its_file_or_left_to_the_application() -> None:
    assets = Assets(STATIC)
    client = client_of(assets)
    icons = client.get(assets.address("icons.svg"))
    assert (icons.status_code, icons.mimetype) == (200, "image/svg+xml")
    assert icons.data == (STATIC / "icons.svg").read_bytes()
    for path in ("/assets/nothing.css", "/app.css", "/assets/../static/icons.svg", "/assets/", "/"):
        assert client.get(path).status_code == 404


def test_a_page_names_its_bundles(app: Flask) -> None:
    client = app.test_client()
    page = client.get("/login", follow_redirects=True).text
    addresses = re.findall(r'"(/assets/[^"#]+)"', page)
    assert {address.partition("?")[0] for address in addresses} >= {"/assets/app.css", "/assets/app.js"}
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200 and "31536000" in answer.headers["Cache-Control"]
