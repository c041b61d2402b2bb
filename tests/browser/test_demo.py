"""The whole of it, as somebody sees it who starts the demo: broker, worker, web, simulator and a browser."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import REGULATOR

pytestmark = pytest.mark.browser

READY_WITHIN_S = 90
BREACH_WITHIN_MS = 90_000


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def is_ready(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as answer:  # noqa: S310 -- our own http address
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """The address of a running demo; stopped as Ctrl-C or a service manager would."""
    port = free_port()
    settings = {
        "PILOTAGE_HOME": str(tmp_path / "home"),
        "PILOTAGE_PORT": str(port),
        "PILOTAGE_MQTT_PORT": str(free_port()),
        "PILOTAGE_PUBLIC_DELAY_S": "2",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PILOTAGE_")}
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "demo"], env=kept | settings, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            began = time.monotonic()
            while not is_ready(url):
                assert process.poll() is None, log.read_text("utf-8", "replace")[-4000:]
                assert time.monotonic() - began < READY_WITHIN_S, log.read_text("utf-8", "replace")[-4000:]
                time.sleep(0.5)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0, log.read_text("utf-8", "replace")[-4000:]


def test_a_scripted_breach_reaches_the_duty_screen_and_the_public_map(demo: str, browser: Browser) -> None:
    context = browser.new_context(base_url=demo, locale="zh-CN", viewport={"width": 1280, "height": 800})
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    public, staff = context.new_page(), context.new_page()
    staff.goto("/login?next=/duty")
    staff.get_by_role("button", name=f"登录: {REGULATOR.display_name}").click()
    staff.wait_for_url("**/duty")
    public.goto("/")
    expect(public.locator('.vehicle[data-alert="critical"]').first).to_be_attached(timeout=BREACH_WITHIN_MS)
    expect(public.locator(".alert-item.is-critical").first).to_be_visible(timeout=BREACH_WITHIN_MS)
    expect(staff.locator(".alert-row.is-critical").first).to_be_visible(timeout=BREACH_WITHIN_MS)
    for page in (staff, public):
        expect(page.locator("#count-road")).to_have_text("40", timeout=BREACH_WITHIN_MS)
        expect(page.locator("#count-air")).to_have_text("10", timeout=BREACH_WITHIN_MS)
    with urlopen(f"{demo}/api/v1/public/live", timeout=5) as answer:  # noqa: S310 -- our own http address
        shown = json.load(answer)
    assert any(alert["severity"] == "critical" for alert in shown["alerts"])
    assert all(url.startswith(demo) for url in requested)
    context.close()
