"""The duty screen with 5,000 vehicles, each heard of once a second: frames of the browser, and what the stream sends.

Headless Chromium draws in software here, on the same cores that serve the page and move the fleet: a
person's computer does better. `frame` is the time between two frames while the fleet glides, `script` what the
page's own scripts take of it, `stream` what the page receives; in the whole city everything is in view, in the
quarter a few streets are. The baseline is what a page does without any of this: as many circle markers of Leaflet on
its own canvas, each moved at each frame, on the same map when nothing is received any more.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import launched
from tests.browser.conftest import REGULATOR
from tests.browser.scene import Scene, stage

_CARS, _AIRCRAFT = 4_750, 250
_WATCHED_S = 12
_SETTLED_MS = 9_000
_PATIENCE_MS = 180_000
#: Workers tell of flushes, and not of a whole second.
_PARTS = 10
#: Every callback of every frame, and when the frames came: kept by the page from its first script on.
_WATCH = """() => {
    const ask = window.requestAnimationFrame.bind(window);
    const watched = { at: [], scriptMs: new Map(), paints: 0 };
    window.watchedFrames = watched;
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
        watched.paints += this.canvas.classList?.contains("fleet-canvas") ? 1 : 0;
        clear.apply(this, box);
    };
    window.requestAnimationFrame = (callback) => ask((at) => {
        const began = performance.now();
        callback(at);
        watched.scriptMs.set(at, (watched.scriptMs.get(at) ?? 0) + performance.now() - began);
    });
    const tick = (at) => { watched.at.push(at); ask(tick); };
    ask(tick);
}"""
_FORGET = """() => {
    const { watchedFrames: watched } = window;
    watched.at.length = watched.paints = 0;
    watched.scriptMs.clear();
}"""
_FRAMES = """() => {
    const { at, scriptMs, paints } = window.watchedFrames;
    return [at.slice(1).map((each, place) => each - at[place]), [...scriptMs.values()], paints];
}"""
_BASELINE = """count => {
    const map = window.pilotageMap;
    const bounds = map.getBounds();
    const renderer = L.canvas({ padding: 0.1 });
    const markers = Array.from({ length: count }, (_, number) => L.circleMarker(
        [bounds.getSouth() + (number % 71) / 71 * (bounds.getNorth() - bounds.getSouth()),
         bounds.getWest() + (number % 97) / 97 * (bounds.getEast() - bounds.getWest())],
        { renderer, radius: 6, weight: 1, interactive: false }).addTo(map));
    const move = () => {
        for (const marker of markers) {
            const { lat, lng } = marker.getLatLng();
            marker.setLatLng([lat, lng + 2e-6]);
        }
        requestAnimationFrame(move);
    };
    requestAnimationFrame(move);
}"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as home, stage(Path(home), cars=_CARS, aircraft=_AIRCRAFT) as scene:
        scene.is_driving.clear()
        with sync_playwright() as playwright:
            browser = launched(playwright)
            context = browser.new_context(base_url=scene.url, viewport={"width": 1920, "height": 1080}, locale="en-GB")
            context.add_init_script(f"({_WATCH})()")
            page = context.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            with _reporting(scene):
                _open(page)
                _measure(page, "whole city")
                page.evaluate("window.pilotageMap.setZoom(17, {animate: false})")
                _measure(page, "a few streets")
            page.evaluate("window.pilotageMap.setZoom(13, {animate: false})")
            page.evaluate(_BASELINE, _CARS + _AIRCRAFT)
            _measure(page, "circle markers, nothing received")
            browser.close()


@contextmanager
def _reporting(scene: Scene) -> Iterator[None]:
    """Everybody reports once a second until the block ends."""
    curtain = threading.Event()

    def report() -> None:
        due, turn = time.monotonic(), 0
        while not curtain.wait(max(0.0, due - time.monotonic())):
            scene.tick(slice(turn % _PARTS, None, _PARTS))
            due, turn = due + 1.0 / _PARTS, turn + 1

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
    page.evaluate(_FORGET)
    page.wait_for_timeout(_WATCHED_S * 1_000)
    frames, scripts, paints = page.evaluate(_FRAMES)
    session.detach()
    print(
        f"{what:14} frame {_spread(frames)}, longest {max(frames):.0f} ms; {len(frames) / _WATCHED_S:.0f} frames/s;"
        f" script {_spread(scripts)} in {len(scripts) / _WATCHED_S:.0f} frames/s, {sum(scripts) / _WATCHED_S:.0f} ms/s,"
        f" the fleet painted {paints / _WATCHED_S:.0f} times/s;"
        f" stream {received / _WATCHED_S / 1e6:.2f} MB/s"
    )


def _spread(milliseconds: Sequence[float]) -> str:
    if not milliseconds:
        return "none"
    p95 = sorted(milliseconds)[int(len(milliseconds) * 0.95)]
    return f"median {statistics.median(milliseconds):.1f} ms, p95 {p95:.1f} ms"
