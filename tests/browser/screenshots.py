"""Takes the pictures under docs/screenshots from a running demo: `python -m tests.browser.screenshots URL`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import QUIET, REGULATOR

TARGET = Path(__file__).parents[2] / "docs" / "screenshots"
PATIENCE_MS = 120_000


def open_page(browser: Browser, url: str, path: str, *, locale: str, size: tuple[int, int] = (1440, 900)) -> Page:
    context = browser.new_context(base_url=url, locale=locale, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(path)
    return page


def wait_for_alerts(page: Page) -> None:
    expect(page.locator(".vehicle").nth(49)).to_be_attached(timeout=PATIENCE_MS)
    expect(page.locator(".alert-item").nth(3)).to_be_attached(timeout=PATIENCE_MS)
    page.wait_for_timeout(1_500)


def take(page: Page, name: str) -> None:
    page.screenshot(path=TARGET / f"{name}.png")


def main(url: str) -> None:
    chromium = shutil.which("chromium")
    assert chromium is not None, "screenshots need chromium"
    TARGET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        staff = open_page(browser, url, "/login?next=/staff", locale="zh-CN")
        take(staff, "login")
        staff.get_by_role("button", name=f"登录: {REGULATOR.display_name}").click()
        staff.wait_for_url("**/staff")
        wait_for_alerts(staff)
        take(staff, "staff-map")
        staff.locator(".alert-item.is-critical button").first.click()
        staff.wait_for_timeout(2_500)
        take(staff, "alert")
        public = open_page(browser, url, "/", locale="en-GB")
        wait_for_alerts(public)
        take(public, "public-map")
        phone = open_page(browser, url, "/", locale="zh-CN", size=(390, 844))
        wait_for_alerts(phone)
        take(phone, "phone")
        phone.locator("#panel-handle").click()
        phone.wait_for_timeout(600)
        take(phone, "phone-alerts")
        about = open_page(browser, url, "/about", locale="en-GB", size=(1100, 900))
        take(about, "about")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
