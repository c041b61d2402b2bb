"""A regulator draws a road in a real browser, by mouse or by keyboard alone, and the judge's registry holds it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from app.registry import DatabaseRegistry
from geofences.datum import VerticalReference
from geofences.zones import ZoneRevision
from tests.browser.conftest import Witness
from tests.browser.map_desk import MapDesk, regulator_at

pytestmark = pytest.mark.browser


class Desk(MapDesk):
    def open(self, path: str) -> None:
        self.page.goto(path)

    def describe(self, zone_id: str) -> None:
        for name, text in {"zone_id": zone_id, "name_zh": "新路", "name_en": "New road", "reason": "opened"}.items():
            self.page.locator(f"#{name}").fill(text)

    def publish(self, zone_id: str) -> None:
        expect(self.page.locator("#verdict-title")).to_have_text("Ready to publish.")
        self.page.get_by_role("button", name="Publish").click()
        self.page.wait_for_url(f"**/desk/zones/{zone_id}")

    def in_force(self, zone_id: str) -> ZoneRevision:
        """As the next judged sample meets it."""
        zones = DatabaseRegistry(self.city.engine, VerticalReference()).snapshot().zones
        return next(zone for zone in zones if zone.zone_id == zone_id)


@pytest.fixture
def desk(browser: Browser, tmp_path: Path, witness: Witness) -> Iterator[Desk]:
    with regulator_at("/desk/zones", browser, tmp_path, witness) as at:
        yield Desk(at.city, at.page)


def test_a_drawn_road_is_in_force_for_the_next_sample(desk: Desk, witness: Witness) -> None:
    desk.open("/desk/zone-editor")
    desk.page.locator("[data-tool=line]").click()
    desk.click_map((0.3, 0.4), (0.5, 0.45), (0.7, 0.6))
    desk.page.keyboard.press("Enter")
    desk.describe("QH-R-09")
    desk.publish("QH-R-09")
    drawn = desk.in_force("QH-R-09")
    assert (drawn.geometry.geom_type, len(drawn.geometry.coords)) == ("LineString", 3)
    assert (drawn.half_width_m, drawn.jurisdiction) == (10.0, "QH")
    assert drawn.starts_at_ms == desk.city.time()
    assert not witness.complaints


def test_tools_wait_for_their_script(desk: Desk) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.page.route("**/js/zones/editor.js", hold)
    desk.page.goto("/desk/zone-editor", wait_until="commit")
    tools = desk.page.locator("[data-tool], #circle-draw, #vertices-add, #windows-add")
    expect(tools).to_have_count(12)
    assert tools.evaluate_all("tools => tools.every(tool => tool.disabled)")
    for route in held:
        route.continue_()
    desk.page.locator("[data-tool=line]").click()
    expect(desk.page.locator("[data-tool=line]")).to_have_attribute("aria-pressed", "true")


def test_an_area_with_a_hole_is_drawn_and_each_step_undone(desk: Desk) -> None:
    desk.open("/desk/zone-editor")
    desk.page.locator("#kind").select_option("test_area")
    desk.page.locator("#snap").uncheck()
    desk.page.locator("[data-tool=area]").click()
    desk.click_map((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
    desk.page.locator("[data-tool=finish]").click()
    desk.page.locator("[data-tool=hole]").click()
    desk.click_map((0.4, 0.4), (0.6, 0.4), (0.5, 0.6), (0.45, 0.55))
    desk.page.keyboard.press("Enter")
    desk.page.locator("[data-tool=undo]").click()
    desk.describe("QH-A-09")
    desk.publish("QH-A-09")
    drawn = desk.in_force("QH-A-09").geometry
    assert drawn.geom_type == "Polygon"
    assert (len(drawn.exterior.coords), [len(ring.coords) for ring in drawn.interiors]) == (5, [4])


def test_a_road_is_typed_without_a_mouse(desk: Desk) -> None:
    desk.open("/desk/zone-editor")
    for number, (lat, lon) in enumerate([("22.521", "113.901"), ("22.531", "113.902")]):
        desk.page.locator("#vertices-add").press("Enter")
        desk.page.locator(f"#vertex-lat-{number}").fill(lat)
        desk.page.keyboard.press("Tab")
        desk.page.locator(f"#vertex-lon-{number}").fill(lon)
        desk.page.keyboard.press("Tab")
    desk.page.locator("#windows-add").press("Enter")
    desk.describe("QH-R-10")
    expect(desk.page.locator("#verdict-title")).to_have_text("Ready to publish.")
    desk.page.get_by_role("button", name="Publish").press("Enter")
    desk.page.wait_for_url("**/desk/zones/QH-R-10")
    typed = desk.in_force("QH-R-10")
    assert list(typed.geometry.coords) == [(113.901, 22.521), (113.902, 22.531)]
    assert typed.schedule is not None
    assert [window.days for window in typed.schedule.windows] == [(0, 1, 2, 3, 4)]


def test_a_circle_is_round_in_metres(desk: Desk) -> None:
    desk.open("/desk/zone-editor")
    desk.page.locator("#kind").select_option("vertiport")
    desk.page.locator("[data-tool=circle]").click()
    for name, value in {"lat": "22.525", "lon": "113.9", "radius": "40"}.items():
        desk.page.locator(f"#circle-{name}").fill(value)
    desk.page.locator("#circle-draw").click()
    desk.describe("QH-V-09")
    desk.publish("QH-V-09")
    west, south, east, north = desk.in_force("QH-V-09").geometry.bounds
    assert (north - south) * 110_740 == pytest.approx(80, abs=0.2)  # metres of a degree of latitude there
    assert (east - west) * 102_900 == pytest.approx(80, abs=0.2)


def test_a_point_that_is_near_a_road_snaps_onto_it(desk: Desk) -> None:
    desk.open("/desk/zone-editor")
    with desk.page.expect_response("**/api/v1/zones?centreline=1"):
        desk.page.reload()
    end = desk.page.evaluate("Object.values(pilotageMap.latLngToContainerPoint([22.529, 113.9]))")
    box = desk.page.locator(".zone-map").bounding_box()
    assert box is not None
    desk.page.locator("[data-tool=line]").click()
    desk.page.mouse.click(box["x"] + end[0] + 6, box["y"] + end[1] - 5)
    expect(desk.page.locator("#vertex-lat-0")).to_have_value("22.529")
    expect(desk.page.locator("#vertex-lon-0")).to_have_value("113.9")
