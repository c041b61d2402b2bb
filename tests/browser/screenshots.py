"""Takes the pictures under docs/screenshots from a running demo: `python -m tests.browser.screenshots URL`.

The demo has to run for some minutes before, so that there are alerts.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.showcase.seed import DEMO_USERS
from tests.browser.chromium import launched
from tests.pictures import save_small

TARGET = Path(__file__).parents[2] / "docs" / "screenshots"
PATIENCE_MS = 120_000
WIDE, PHONE = (1440, 900), (390, 844)


def open_page(browser: Browser, url: str, path: str, *, locale: str, size: tuple[int, int] = WIDE) -> Page:
    context = browser.new_context(base_url=url, locale=locale, viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(path)
    return page


def log_in(page: Page, role: str) -> None:
    user = next(user for user in DEMO_USERS if user.role == role)
    page.locator(f'form:has(input[value="{user.email}"]) button').click()
    page.wait_for_url("**/duty")


def wait_for_alerts(page: Page) -> None:
    expect(page.locator("#count-road")).to_have_text("40", timeout=PATIENCE_MS)
    expect(page.locator(".alert-item, .alert-row").nth(3)).to_be_attached(timeout=PATIENCE_MS)
    page.wait_for_timeout(1_500)


def take(page: Page, name: str, path: str = "") -> None:
    """The page as it is, or the one at `path` once its map is drawn."""
    if path:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(800)
    save_small(page.screenshot(), TARGET / f"{name}.png")


def first_link(page: Page, path: str, beginning: str) -> str:
    """Where the first row of a list leads."""
    page.goto(path)
    return page.locator(f'main table a[href^="{beginning}"]').first.get_attribute("href") or ""


def take_the_regulators(browser: Browser, url: str) -> None:
    page = open_page(browser, url, "/login?next=/duty", locale="zh-CN")
    take(page, "login")
    log_in(page, "regulator")
    wait_for_alerts(page)
    page.locator(".alert-row.is-critical").first.click()
    page.wait_for_timeout(500)
    take(page, "alert")
    page.keyboard.press("v")
    page.wait_for_timeout(2_500)
    take(page, "duty-screen")
    take(page, "application", first_link(page, "/desk/applications", "/desk/applications/"))
    take(page, "permits", "/desk/permits")
    take(page, "permit", first_link(page, "/desk/permits?sort=number", "/desk/permits/"))
    take(page, "zones", "/desk/zones")
    take(page, "zone-editor", "/desk/zone-editor")
    take(page, "audit", "/desk/audit")


def take_the_operators(browser: Browser, url: str) -> None:
    page = open_page(browser, url, "/login?next=/duty", locale="en-GB")
    log_in(page, "operator_manager")
    take(page, "vehicles", "/desk/vehicles")
    take(page, "vehicle", first_link(page, "/desk/vehicles?status=in_service", "/desk/vehicles/"))
    take(page, "api", "/api/docs")


def take_the_publics(browser: Browser, url: str) -> None:
    page = open_page(browser, url, "/", locale="en-GB")
    wait_for_alerts(page)
    take(page, "public-map")
    take(page, "safety", "/safety")
    take(page, "map-in-words", "/map/text")
    take(page, "places", "/places")
    take(page, "verification", first_link(page, "/permits", "/verify/"))
    phone = open_page(browser, url, "/", locale="zh-CN", size=PHONE)
    wait_for_alerts(phone)
    take(phone, "phone")
    phone.locator("#panel-handle").click()
    phone.wait_for_timeout(600)
    take(phone, "phone-alerts")
    take(phone, "phone-street", first_link(phone, "/places", "/street/"))
    about = open_page(browser, url, "/about", locale="en-GB", size=(1100, 900))
    take(about, "about")


def main(url: str) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        take_the_regulators(browser, url)
        take_the_operators(browser, url)
        take_the_publics(browser, url)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
