from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import launched
from tests.browser.conftest import Witness


# Playwright keeps an event loop running in this thread: no test of others may meet it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    """A walk has processes of its own, on a machine that others may be using."""
    expect.set_options(timeout=20_000)
