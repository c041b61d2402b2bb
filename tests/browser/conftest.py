from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app.showcase.seed import DEMO_USERS
from tests.browser.chromium import launched
from tests.browser.scene import Scene, stage

OpenPage = Callable[..., Page]
REGULATOR = next(user for user in DEMO_USERS if user.role == "regulator")


class Witness:
    """Everything that pages asked for and complained about."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []

    def watch(self, context: BrowserContext) -> None:
        context.on("request", lambda request: self.requested.append(request.url))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda m: self.complaints.append(m.text) if m.type in {"error", "warning"} else None)


# Playwright keeps an event loop running in this thread: no test of others may meet it.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home: Path = tmp_path_factory.mktemp("scene")
    with stage(home) as scene:
        yield scene


@pytest.fixture
def scene(theatre: Scene) -> Iterator[Scene]:
    yield theatre
    theatre.amend_all()
    theatre.is_driving.set()


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def open_page(browser: Browser, scene: Scene, witness: Witness) -> Iterator[OpenPage]:
    """Opens a path in a browser of its own: `open_page("/", locale="en-GB", viewport=(390, 800))`."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str, *, locale: str = "zh-CN", viewport: tuple[int, int] = (1280, 800), still: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=scene.url,
            locale=locale,
            viewport={"width": viewport[0], "height": viewport[1]},
            reduced_motion="reduce" if still else "no-preference",
        )
        witness.watch(context)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def staff_page(open_page: OpenPage) -> OpenPage:
    """Opens the duty screen through the login form."""

    def staff_page(**options: object) -> Page:
        page = open_page("/duty", **options)
        page.get_by_label("邮箱").or_(page.get_by_label("E-mail")).fill(REGULATOR.email)
        page.get_by_label("密码").or_(page.get_by_label("Password")).fill(REGULATOR.password)
        page.locator(".login-card .primary").click()
        page.wait_for_url("**/duty")
        return page

    return staff_page
