"""An installation with processes of its own: a new one (`pilotage up`), or the showcase (`pilotage demo`)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.settings import Settings
from tests.brokers import free_port
from tests.pictures import save_small

ROOT = Path(__file__).resolve().parents[2]
ADMINISTRATOR = "admin@city.example"
READY_WITHIN_S = 90.0
_PROGRAM = (sys.executable, "-c", "from app.cli import main; main()")
#: Where screenshots for the guide go; none are taken without it.
_SCREENSHOTS = os.environ.get("PILOTAGE_SCREENSHOTS")


@dataclass(frozen=True)
class Installation:
    """One running installation; `password` is the first administrator's temporary one (none in the showcase)."""

    home: Path
    environment: Mapping[str, str]
    url: str
    broker: str
    password: str = ""

    def run(self, *arguments: str) -> str:
        """What one `pilotage` command prints; it must succeed."""
        return _run(self.environment, *arguments)

    def settings(self) -> Settings:
        """The settings that its processes read."""
        return Settings.from_environment(self.environment)


@contextmanager
def installation(home: Path, **settings: str) -> Iterator[Installation]:
    """`pilotage up`, with nobody registered but the administrator; it is stopped in good order."""
    with _running("up", home, settings) as place:
        told = _run(place.environment, "user", "create", "--email", ADMINISTRATOR)
        yield replace(place, password=_password_in(told))


@contextmanager
def showcase(home: Path, **settings: str) -> Iterator[Installation]:
    """`pilotage demo`: the Qianhai data set, its users and its simulated fleet."""
    with _running("demo", home, settings) as place:
        yield place


@contextmanager
def _running(command: str, home: Path, settings: Mapping[str, str]) -> Iterator[Installation]:
    """Start it, wait until it is ready, and stop it."""
    port, mqtt_port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PILOTAGE_")},
        "PILOTAGE_HOME": str(home),
        "PILOTAGE_PORT": str(port),
        "PILOTAGE_MQTT_PORT": str(mqtt_port),
        "PILOTAGE_PUBLIC_DELAY_S": "2",
        **settings,
    }
    log_path = home / f"{command}.log"
    home.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        process = subprocess.Popen([*_PROGRAM, command], cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process, log_path)
        yield Installation(home, environment, url, f"mqtt://127.0.0.1:{mqtt_port}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def context_of(
    browser: Browser, place: Installation, *, locale: str = "en-GB", size: tuple[int, int] = (1280, 800)
) -> BrowserContext:
    """A browser of one person, with cookies of its own."""
    context = browser.new_context(
        base_url=place.url,
        locale=locale,
        viewport={"width": size[0], "height": size[1]},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(20_000)
    return context


def log_in(page: Page, email: str, password: str) -> None:
    """Fill in the login form; where it leads is the caller's to see."""
    page.goto("/login")
    page.fill("#email", email)
    page.fill("#password", password)
    page.locator("#password").press("Enter")
    expect(page).not_to_have_url(re.compile(r"/login$"))


def picture(page: Page, name: str) -> None:
    """A small screenshot for the guide, when PILOTAGE_SCREENSHOTS names a directory."""
    if _SCREENSHOTS:
        save_small(page.screenshot(), Path(_SCREENSHOTS) / f"{name}.png")


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log_path.read_text("utf-8")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310  our own http address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log_path.read_text("utf-8"))


def _run(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*_PROGRAM, *arguments], cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _password_in(told: str) -> str:
    """The temporary password is the last word of the line that tells it."""
    return told.strip().split()[-1]
