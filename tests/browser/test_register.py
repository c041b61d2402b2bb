"""An operator registers a vehicle, a person and a trial in a real browser, and imports a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, update

from app.database import changing_session, reading_session
from app.models import Role, Sample, TrackRow, Vehicle
from app.services.vehicles import verify_credential
from tests.app.imports.spreadsheets import GOOD, GOOD_TOO, HEADER, csv_text
from tests.app.web.cast import PASSWORD, PEOPLE, City, small_city
from tests.app.web.test_choices import grow
from tests.browser.accessibility import assert_accessible
from tests.browser.conftest import Witness
from tests.browser.serving import serving

pytestmark = pytest.mark.browser


@dataclass
class Office:
    """An operator's manager at a browser."""

    city: City
    page: Page

    def open(self, path: str) -> None:
        self.page.goto(f"/desk/{path}")

    def fill(self, fields: dict[str, str]) -> None:
        for name, text in fields.items():
            self.page.locator(f"[id='{name}']").fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


@pytest.fixture
def office(browser: Browser, tmp_path: Path, witness: Witness) -> Iterator[Office]:
    with small_city(tmp_path) as city, serving(city.app) as url:
        context = browser.new_context(base_url=url, locale="en-GB", viewport={"width": 1280, "height": 900})
        try:
            witness.watch(context)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.goto("/login?next=/desk/vehicles")
            page.locator("input[name=email]").fill(PEOPLE[Role.OPERATOR_MANAGER])
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("input[name=password]").press("Enter")
            page.wait_for_url("**/desk/vehicles")
            yield Office(city, page)
        finally:
            context.close()


def test_an_aircraft_is_registered_and_its_credentials_are_there_to_be_copied(office: Office) -> None:
    office.open("vehicles/new")
    expect(office.page.locator("#vin")).to_be_visible()
    office.page.get_by_role("radio", name="Aircraft").check()
    expect(office.page.locator("#vin")).to_be_hidden()
    office.press("Register")
    expect(office.page.locator(".form-summary")).to_be_focused()
    first = office.page.locator(".form-summary a").first
    expect(first).to_have_text("Vehicle ID: This field is needed.")
    office.fill({"vehicle_id": "N-E9", "registration_mark": "B-0001X", "serial_number": "EH216-0042"})
    office.fill({"aircraft_type": "EH216-S", "max_takeoff_mass_kg": "620"})
    office.press("Register")
    expect(office.page.locator("h1")).to_have_text("Credentials of N-E9")
    token = office.page.locator(".secret code").inner_text()
    expect(office.page.locator(".secret .copy")).to_be_visible()
    with reading_session(office.city.engine) as session:
        assert verify_credential(session, "N-E9", token) is not None
    assert_accessible(office.page)


def test_a_file_is_corrected_and_imported(office: Office, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(csv_text(HEADER, GOOD, ("road", "C-9", "", "", "BAD", "7", "-5", "x")).encode())
    good.write_bytes(csv_text(HEADER, GOOD, GOOD_TOO).encode("gb18030"))
    for file, count in ((bad, 6), (good, 0)):
        office.open("vehicle-imports")
        office.page.set_input_files("input[type=file]", file)
        office.press("Look at it")
        office.page.wait_for_url(re.compile("vehicle-imports/.+"))
        assert office.page.locator("td.has-problem").count() == count
        assert_accessible(office.page)
    office.press("Register 2 vehicles")
    with office.page.expect_download() as download:
        office.page.get_by_text("Download as CSV").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["vehicle_id", "C-1", "C-2"]
    with reading_session(office.city.engine) as session:
        assert verify_credential(session, "C-1", lines[1].split(",")[2]) is not None


def test_the_vehicles_page_shows_where_it_was_and_changes_its_status_by_keyboard(
    office: Office, witness: Witness
) -> None:
    office.city.store_position("NORTH-R1")
    office.open("vehicles/NORTH-R1")
    expect(office.page.locator(".leaflet-marker-pane, .leaflet-vehicles-pane").locator(".vehicle")).to_be_visible()
    opener = office.page.get_by_text("Change the status").first
    opener.focus()
    office.page.keyboard.press("Enter")
    office.page.locator("#new-status").select_option("out_of_service")
    office.page.locator("#status-reason").fill("brakes")
    office.page.locator("#status-reason").press("Tab")
    office.page.keyboard.press("Enter")
    expect(office.page.locator("h1 .badge")).to_have_text("Out of service")
    with reading_session(office.city.engine) as session:
        assert session.scalar(select(Vehicle.version).where(Vehicle.vehicle_id == "NORTH-R1")) == 2
    assert witness.complaints == []


def test_the_vehicles_page_follows_the_vehicle(office: Office) -> None:
    office.city.store_position("NORTH-R1", age_ms=60_000)
    office.open("vehicles/NORTH-R1")
    seen, speed = office.page.locator("#position time"), office.page.locator("[data-kept=speed]")
    expect(seen).to_have_text("2026-03-01 11:59:00")
    with changing_session(office.city.engine) as session:
        key = office.city.keys["NORTH-R1"]
        session.execute(update(Sample).values(timestamp_ms=office.city.time(), speed_mps=5.0, lat=22.5234))
        session.execute(update(TrackRow).where(TrackRow.vehicle == key).values(last_timestamp_ms=office.city.time()))
    expect(seen).to_have_text("2026-03-01 12:00:00")
    expect(seen).to_have_attribute("title", "2026-03-01 04:00:00 UTC")
    expect(speed).to_have_text("18.0 km/h")
    expect(office.page.locator("[data-kept=altitude]")).to_have_text("12.5 m (AMSL)")
    office.page.route("**/position", lambda route: route.abort("connectionrefused"))
    expect(office.page.locator("#position-lost")).to_be_visible()


def test_vehicles_are_picked_from_many_by_keyboard(office: Office) -> None:
    grow(office.city)
    office.open("trials/new")
    search = office.page.get_by_role("combobox", name="Vehicles")
    search.fill("000")
    search.press("ArrowDown")
    options = office.page.get_by_role("listbox").get_by_role("option")
    expect(options.first).to_be_visible()
    search.fill("CAR-01")
    expect(options).to_have_count(10)
    for _ in range(2):
        search.press("ArrowDown")
        search.press("Enter")
    assert_accessible(office.page)
    search.press("Escape")
    expect(options).to_have_count(0)
    picked = office.page.locator(".picked li")
    expect(picked).to_have_count(2)
    office.page.get_by_role("button", name="Remove CAR-010").press("Enter")
    expect(picked).to_have_text(re.compile("CAR-011"))
    expect(office.page.locator("#vehicles-typed")).to_have_value("CAR-011")
    assert office.page.url.endswith("/desk/trials/new")


def test_one_vehicle_of_many_is_picked_with_the_pointer(office: Office) -> None:
    grow(office.city)
    office.open("incidents/new")
    search = office.page.get_by_role("combobox", name="Vehicle")
    for wanted in ("CAR-003", "CAR-021"):
        search.fill(wanted)
        office.page.get_by_role("option", name=wanted).click()
        expect(office.page.locator("[name=vehicle_id]")).to_have_value(wanted)
        expect(office.page.locator(".picked li")).to_have_count(1)
