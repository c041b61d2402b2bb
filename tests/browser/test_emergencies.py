"""A regulator closes a place in a real browser, watches the board follow, and ends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.browser.map_desk import MapDesk, regulator_at

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(browser: Browser, tmp_path: Path, witness: Witness) -> Iterator[MapDesk]:
    with regulator_at("/desk/emergencies/new", browser, tmp_path, witness) as desk:
        yield desk


def test_a_circle_is_closed_and_the_board_follows(desk: MapDesk, witness: Witness) -> None:
    page, city = desk.page, desk.city
    desk.click_map((0.5, 0.5))
    expect(page.locator("[name='circle.lat']")).not_to_have_value("")
    assert_accessible(page)
    page.locator("[name='circle.lat']").fill("22.52")
    page.locator("[name='circle.lon']").fill("113.9")
    page.locator("[name=reason]").fill("Gas leak")
    expect(page.locator("#told")).to_contain_text("Nobody would be told now.")
    city.store_position("NORTH-R1")
    page.locator("[name='circle.radius_m']").fill("250")
    expect(page.locator("#told .told-title")).to_have_text("Would be told now: 1")
    expect(page.locator("#told li")).to_have_text("NORTH-R1 inside")
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
    page.locator("summary", has_text="Prolong").click()
    page.locator("#prolong-duration").fill("90")
    page.locator("#prolong-reason").fill("Still leaking")
    page.get_by_role("button", name="Prolong").click()
    expect(page.get_by_text("The emergency lasts longer.")).to_be_visible()
    page.locator("summary", has_text="End it").click()
    page.locator("#end-reason").fill("Closed the valve")
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_text("The emergency is over.")).to_be_visible()
    page.get_by_role("link", name="Its report").click()
    expect(page.locator(".timeline-entry")).to_have_count(5)
    assert_accessible(page)
    assert witness.complaints == []


def test_an_outline_is_drawn_and_sent_without_the_circle(desk: MapDesk) -> None:
    page = desk.page
    page.locator("[data-tool=area]").click()
    desk.click_map((0.4, 0.4), (0.6, 0.4), (0.6, 0.6))
    page.locator("[data-tool=finish]").click()
    page.locator("[name=reason]").fill("Smoke")
    page.get_by_role("button", name="Close this place now").click()
    page.wait_for_url("**/desk/emergencies/E-2026-0001")
    expect(page.locator("#board-empty")).to_be_visible()


def test_an_order_to_leave_is_drawn_on_a_map_with_its_vehicles(desk: MapDesk, witness: Witness) -> None:
    page = desk.page
    desk.city.store_position("NORTH-R1")
    page.goto("/desk/directives/new?vehicle=NORTH-R1")
    expect(page.locator(".vehicle")).to_have_count(1)
    expect(page.locator("#circle-fields")).to_be_hidden()
    page.locator("input[value=slow]").check(force=True)
    expect(page.locator("#speed_kmh")).to_be_visible()
    page.locator("input[value=leave]").check(force=True)
    expect(page.locator("#speed_kmh")).to_be_hidden()
    desk.click_map((0.5, 0.5))
    expect(page.locator("[name='circle.lat']")).not_to_have_value("")
    assert_accessible(page)
    page.locator("[name=reason]").fill("A crane")
    page.get_by_role("button", name="Give the order").click()
    page.wait_for_url("**/desk/directives/D-*")
    expect(page.locator("h1")).to_contain_text("NORTH-R1: Leave")
    assert witness.complaints == []
