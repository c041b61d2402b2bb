"""A regulator closes a place in a real browser, watches the board follow, and ends it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.models import Role
from tests.app.web.cast import PASSWORD, PEOPLE, City, small_city
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.browser.serving import serving

pytestmark = pytest.mark.browser


@dataclass
class Desk:
    city: City
    page: Page

    def click_map(self, *places: tuple[float, float]) -> None:
        """Clicks at parts of the map's width and height, too slow to be double clicks."""
        box = self.page.locator(".zone-map").bounding_box()
        assert box is not None
        for across, down in places:
            self.page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)
            self.page.wait_for_timeout(350)


@pytest.fixture
def desk(browser: Browser, tmp_path: Path, witness: Witness) -> Iterator[Desk]:
    with small_city(tmp_path, second_factor_required=False) as city, serving(city.app) as url:
        context = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 900})
        try:
            witness.watch(context)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.goto("/login?next=/desk/emergencies/new")
            page.locator("input[name=email]").fill(PEOPLE[Role.REGULATOR])
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("input[name=password]").press("Enter")
            page.wait_for_url("**/desk/emergencies/new")
            yield Desk(city, page)
        finally:
            context.close()


def test_a_circle_is_closed_and_the_board_follows(desk: Desk, witness: Witness) -> None:
    page, city = desk.page, desk.city
    desk.click_map((0.5, 0.5))
    expect(page.locator("[name='circle.lat']")).not_to_have_value("")
    assert_accessible(page)
    page.locator("[name='circle.lat']").fill("22.52")
    page.locator("[name='circle.lon']").fill("113.9")
    page.locator("[name=reason]").fill("Gas leak")
    city.store_position("NORTH-R1")
    page.get_by_role("button", name="Close this place now").click()
    page.wait_for_url("**/desk/emergencies/E-2026-0001")
    row = page.locator(".board-row")
    expect(row).to_have_count(1)
    expect(row.locator("[data-part=whereabouts]")).to_have_text("Still inside")
    city.time.pass_ms(130_000)
    expect(row.locator("[data-part=clock]")).to_have_text("2:10")
    expect(row.locator("[data-part=response]")).to_have_text("No answer")
    expect(page.locator("[data-total=overdue] .tile-value")).to_have_text("1")
    expect(page).to_have_title("(1) E-2026-0001 · Pilotage 领航")
    assert_accessible(page)
    page.get_by_role("button", name="Order NORTH-R1 again").click()
    expect(page.get_by_text("NORTH-R1 was told once more.")).to_be_visible()
    page.locator("summary", has_text="End it").click()
    page.locator("#end-reason").fill("Closed the valve")
    page.locator(".confirm-form button[type=submit]").click()
    expect(page.get_by_text("The emergency is over.")).to_be_visible()
    page.get_by_role("link", name="Its report").click()
    expect(page.locator(".timeline-entry")).to_have_count(4)
    assert_accessible(page)
    assert witness.complaints == []


def test_an_outline_is_drawn_and_sent_without_the_circle(desk: Desk) -> None:
    page = desk.page
    page.locator("[data-tool=area]").click()
    desk.click_map((0.4, 0.4), (0.6, 0.4), (0.6, 0.6))
    page.locator("[data-tool=finish]").click()
    page.locator("[name=reason]").fill("Smoke")
    page.get_by_role("button", name="Close this place now").click()
    page.wait_for_url("**/desk/emergencies/E-2026-0001")
    expect(page.locator("#board-empty")).to_be_visible()
