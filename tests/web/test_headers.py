"""Headers of every answer."""

import gzip

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.web.headers import policy
from tests.conftest import Client


@pytest.mark.parametrize(
    ("logo", "origin"),
    [
        ("", ""),
        ("https://example.com/logo.png", " https://example.com"),
        ("http://example.com:8080?x", " http://example.com:8080"),
        ("https://example.com; script-src *", ""),
        ("https://*/x", ""),
        ("https://a@example.com/x", ""),
        ("https://[::1", ""),
        ("javascript:alert(1)", ""),
        ("//example.com/x", ""),
        ("https://exa mple.com", ""),
    ],
)
def test_the_policy_lets_in_the_logo_and_nothing_that_it_is_not(app: Flask, logo: str, origin: str) -> None:
    with app.test_request_context("/"):
        assert policy(logo) == (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
            f"img-src 'self' data:{origin}; connect-src 'self' ws://localhost; form-action 'self'; "
            "frame-ancestors 'self'; base-uri 'none'"
        )


def test_a_page_carries_them_all(browser: FlaskClient) -> None:
    for path in ("/dashboard", "/no/such/page", "/login"):
        headers = browser.get(path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Frame-Options"] == "SAMEORIGIN"
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains;"
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert {"HX-Request", "Cookie"} <= {name.strip() for name in headers["Vary"].split(",")}


def test_no_answer_of_the_api_is_kept_or_guessed_at(admin: Client) -> None:
    for path in ("/me", "/nope"):
        headers = admin.get(path).headers
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_a_page_is_compressed_for_who_takes_that_and_its_size_tells_nothing(browser: FlaskClient) -> None:
    plain = browser.get("/profile", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers
    packed = [browser.get("/profile", headers={"Accept-Encoding": "gzip"}).data for _ in range(8)]
    pages = [gzip.decompress(data) for data in packed]
    assert all(b"<h1" in page for page in pages)
    padding = {
        len(data) - len(gzip.compress(page, 5, mtime=0)) for data, page in zip(packed, pages, strict=True)
    }  # their tokens alone differ a little
    assert len(padding) > 1 and min(padding) > 0
