"""The browser of the tests: Chromium without a screen, quiet on the network."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
#: The shell has no windows of its own to draw: a page costs a quarter less.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")


def launched(playwright: Playwright) -> Browser:
    """A new browser process."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    assert found is not None, "Chromium is needed: deploy/setup/services.sh chromium-headless-shell"
    return playwright.chromium.launch(executable_path=found, args=list(_QUIET))
