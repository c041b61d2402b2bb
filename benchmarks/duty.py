"""The duty screen with 5,000 vehicles, each heard of once a second: frames of the browser, and what the stream sends.

Headless Chromium draws in software here, on the same cores that serve the page and move the fleet: a
person's computer does better. `frame` is the time between two frames while the fleet glides, `stream` what
the page receives; in the whole city everything is in view, in the quarter a few streets are.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import QUIET, REGULATOR
from tests.browser.scene import Scene, stage

_CARS, _AIRCRAFT = 4_750, 250
_WATCHED_S = 12
_SETTLED_MS = 9_000
_PATIENCE_MS = 180_000
_FRAMES = """milliseconds => new Promise((done) => {
    const frames = [];
    let last = performance.now();
    const end = last + milliseconds;
    const tick = () => {
        const now = performance.now();
        frames.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(tick);
        else done(frames);
    };
    requestAnimationFrame(tick);
})"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as home, stage(Path(home), cars=_CARS, aircraft=_AIRCRAFT) as scene:
        scene.is_driving.clear()
        with _reporting(scene), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(QUIET))
            context = browser.new_context(base_url=scene.url, viewport={"width": 1920, "height": 1080}, locale="en-GB")
            page = context.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            _open(page)
            _measure(page, "whole city")
            page.evaluate("window.pilotageMap.setZoom(17, {animate: false})")
            _measure(page, "a few streets")
            browser.close()


@contextmanager
def _reporting(scene: Scene) -> Iterator[None]:
    """Everybody reports once a second until the block ends."""
    curtain = threading.Event()

    def report() -> None:
        due = time.monotonic()
        while not curtain.wait(max(0.0, due - time.monotonic())):
            scene.tick()
            due += 1.0

    fleet = threading.Thread(target=report, name="fleet")
    fleet.start()
    try:
        yield
    finally:
        curtain.set()
        fleet.join()


def _open(page: Page) -> None:
    page.goto("/login?next=/duty")
    page.get_by_label("E-mail").fill(REGULATOR.email)
    page.get_by_label("Password").fill(REGULATOR.password)
    page.locator(".login-card .primary").click()
    page.wait_for_url("**/duty")
    expect(page.locator("#count-road")).to_have_text(str(_CARS), timeout=_PATIENCE_MS)


def _measure(page: Page, what: str) -> None:
    page.wait_for_timeout(_SETTLED_MS)  # the stream follows the view after a while
    received = 0

    def count(event: dict[str, float]) -> None:
        nonlocal received
        received += int(event["dataLength"])

    session = page.context.new_cdp_session(page)
    session.on("Network.dataReceived", count)
    session.send("Network.enable")
    frames: list[float] = page.evaluate(_FRAMES, _WATCHED_S * 1_000)
    session.detach()
    ordered = sorted(frames)
    print(
        f"{what:14} frame median {statistics.median(ordered):.1f} ms, p95 {ordered[int(len(ordered) * 0.95)]:.1f} ms,"
        f" longest {ordered[-1]:.0f} ms; {len(frames) / _WATCHED_S:.0f} frames/s;"
        f" stream {received / _WATCHED_S / 1e6:.2f} MB/s"
    )
