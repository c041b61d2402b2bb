"""Accounts in a real browser: the second factor, a session that ends in the middle of a form, and axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.models import Role
from app.services.logins import IDLE_MS
from tests.app.web.cast import PASSWORD, PEOPLE, City, small_city
from tests.browser.accessibility import assert_accessible
from tests.browser.serving import serving

pytestmark = pytest.mark.browser


@dataclass
class Desk:
    """The app at `url`; the clock of its city moves when told."""

    url: str
    city: City
    browser: Browser
    contexts: list[BrowserContext]

    def page(self, locale: str = "en-GB", width: int = 1280) -> Page:
        context = self.browser.new_context(base_url=self.url, locale=locale, viewport={"width": width, "height": 800})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        return page

    def log_in(self, page: Page, role: Role) -> None:
        if not page.url.startswith(self.url):
            page.goto("/login")
        page.locator("#email").fill(PEOPLE[role])
        page.locator("#password").fill(PASSWORD)
        page.locator(".login-card button.primary").click()


@pytest.fixture(scope="module")
def desk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home: Path = tmp_path_factory.mktemp("desk")
    with small_city(home, second_factor_required=True) as city, serving(city.app) as url:
        desk = Desk(url, city, browser, [])
        yield desk
        for context in desk.contexts:
            context.close()
        city.live.close()


def test_a_regulator_sets_the_second_factor_up(desk: Desk) -> None:
    page = desk.page(width=390)
    desk.log_in(page, Role.REGULATOR)
    page.wait_for_url("**/desk/account/second-factor")
    assert_accessible(page)
    expect(page.locator("svg.qr")).to_be_visible()
    secret = page.locator(".code-line code").inner_text().replace(" ", "")
    page.locator("#one_time_code").fill(pyotp.TOTP(secret).at(desk.city.time() // 1000))
    page.locator("button.is-primary").click()
    expect(page.locator(".secret li")).to_have_count(10)
    assert_accessible(page)
    page.locator("a.is-primary").click()
    page.wait_for_url("**/duty")
    desk.city.time.pass_ms(30_000)
    again = desk.page("zh-CN")
    desk.log_in(again, Role.REGULATOR)
    again.locator("#one_time_code").fill(pyotp.TOTP(secret).at(desk.city.time() // 1000))
    assert_accessible(again)
    again.locator(".login-card button.primary").click()
    again.wait_for_url("**/duty")


def test_what_was_typed_survives_the_end_of_the_session(desk: Desk) -> None:
    page = desk.page()
    desk.log_in(page, Role.ADMINISTRATOR)
    page.wait_for_url("**/duty")
    page.goto("/desk/users/new")
    page.locator("#email").fill("new@city.example")
    page.locator("#display_name").fill("New <b>Person</b>")
    page.locator("input[value=auditor]").check()
    desk.city.time.pass_ms(IDLE_MS)
    page.locator("button.is-primary").click()
    expect(page.locator(".login-card [role=alert]")).to_be_visible()
    desk.log_in(page, Role.ADMINISTRATOR)
    expect(page.get_by_text("New <b>Person</b>")).to_be_visible()
    assert_accessible(page)
    page.locator("button.is-primary").click()
    expect(page.locator(".secret code")).to_be_visible()
    page.goto("/desk/users?q=new%40city.example")
    expect(page.get_by_text("New <b>Person</b>")).to_be_visible()
