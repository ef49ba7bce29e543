"""The same server with TLS of its own: the cookie is locked to the host, and results come over wss."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import urllib3
from playwright.sync_api import Browser, expect

from tests.browser.acts import write_sql
from tests.browser.site import until
from tests.browser.watch import Watch
from tests.ports import free_port

PASSWORD = "correct horse 7 battery!"


@pytest.fixture
def secure_url(chromium: Browser, tmp_path: Path) -> Iterator[str]:
    """An instance that serves TLS with the certificate it made itself."""
    port = free_port()
    environment = os.environ | {"FLEET_DATA_DIR": str(tmp_path / "data"), "FLEET_SERVER_TLS": "true"}
    environment["FLEET_SERVER_ADDRESS"] = f"127.0.0.1:{port}"
    url = f"https://localhost:{port}"
    admin = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
    body = {"admin": admin, "org_info": {"org_name": "Engines"}, "server_url": url}
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def ready() -> bool:
        try:
            return requests.get(f"{url}/healthz", verify=False, timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "fleet", "serve"], env=environment, stdout=log, stderr=log)
    try:
        until(ready, "the server starts", 30)
        requests.post(f"{url}/api/v1/setup", data=json.dumps(body), verify=False, timeout=20).raise_for_status()
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


def test_over_tls_the_cookie_is_locked_to_the_host_and_a_run_streams_over_wss(
    chromium: Browser, secure_url: str
) -> None:
    context = chromium.new_context(ignore_https_errors=True)
    context.set_default_timeout(10_000)
    watch = Watch(context, secure_url)
    page = context.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(f"{secure_url}/queries/new/live")
    page.get_by_label("Email").fill("ada@example.com")
    page.locator("#f-password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/queries/new/live")
    cookie = next(one for one in context.cookies() if "fleet_session" in one["name"])
    assert cookie["name"] == "__Host-fleet_session"
    assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/")

    key = page.request.post(
        f"{secure_url}/api/latest/fleet/login", data={"email": "ada@example.com", "password": PASSWORD}
    ).json()["token"]
    secret = page.request.get(
        f"{secure_url}/api/latest/fleet/spec/enroll_secret", headers={"Authorization": f"Bearer {key}"}
    ).json()["spec"]["secrets"][0]["secret"]
    page.request.post(
        f"{secure_url}/api/v1/osquery/enroll",
        data={"enroll_secret": secret, "host_identifier": "one", "host_details": {}},
    )
    page.reload()
    write_sql(page, "SELECT 1 AS one")
    page.locator("label.chip", has_text="All Hosts").click()
    page.get_by_label("Host 1").or_(page.get_by_label("one")).first.check()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/live/*")
    expect(page.locator("[data-said]")).to_contain_text("responded")
    assert sockets == [secure_url.replace("https", "wss") + "/api/v1/fleet/results/websocket"]
    context.close()
    assert not watch.faults, "\n".join(watch.faults)
