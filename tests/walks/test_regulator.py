"""A regulator from an application to issue, restriction and revocation during a live run: docs/guide/regulator.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from app.database import opened_engine
from tests.browser.conftest import Witness
from tests.walks.applicant import OFFICER, Applicant, apply
from tests.walks.driving import Drive, Road, driving
from tests.walks.founding import REGULATOR, REGULATOR_PASSWORD, ROAD, found
from tests.walks.installation import Installation, installation
from tests.walks.person import Person, arrives, unexpected

pytestmark = pytest.mark.browser

OWN_PASSWORD = "quiet lantern river"
FASTEST_MPS = 11.0
CARS = ("NB-001", "NB-002")


def test_from_an_application_to_revocation_during_a_live_run(
    browser: Browser, tmp_path: Path, witness: Witness
) -> None:
    with installation(tmp_path / "home") as place:
        found(place)
        applicant = apply(place)
        regulator = arrives(browser, place, witness)
        enrol(regulator)
        ask_for_changes(regulator, applicant)
        applicant.answers(speed_cap_kmh=45, word="45 km/h, then.")
        compare(regulator, applicant)
        permit = issue(regulator)
        read_the_notice(regulator, permit)
        visitor = arrives(browser, place, witness)
        verify(visitor, permit, "This permit is valid now.")
        with fleet(applicant, tmp_path) as drives:
            watch(regulator, permit)
            restrict(regulator, permit)
            close_the_road(regulator, drives[0])
            revoke(regulator, permit)
            verify(visitor, permit, "Nothing may be operated under this permit now.")
        read_the_audit_log(regulator, permit)
        assert "the audit log is whole" in place.run("verify", "audit")
        for vehicle_id in CARS:
            assert_nothing_was_lost(place, vehicle_id)
    assert unexpected(witness) == []


def enrol(regulator: Person) -> None:
    """A password and a second factor of one's own come before everything else."""
    regulator.log_in(REGULATOR, REGULATOR_PASSWORD)
    regulator.replace_password(REGULATOR_PASSWORD, OWN_PASSWORD)
    regulator.sees("Set up the second factor")
    expect(regulator.page.locator("svg.qr")).to_be_visible()
    secret = regulator.page.locator(".code-line code").inner_text().replace(" ", "")
    regulator.passes()
    regulator.fill({"one_time_code": pyotp.TOTP(secret).now()})
    regulator.press("Confirm")
    regulator.sees("Shown once. Print them or write them down")
    regulator.passes()
    regulator.press("I have kept them")
    regulator.page.wait_for_url("**/duty")


def ask_for_changes(regulator: Person, applicant: Applicant) -> None:
    regulator.goes_to("Permits", "Applications")
    regulator.passes()
    regulator.page.get_by_role("link", name=applicant.number).click()
    expect(regulator.page.locator("h1")).to_contain_text("Submitted")
    regulator.press("Take under review")
    expect(regulator.page.locator("h1")).to_contain_text("Under review")
    regulator.passes("regulator-application")
    regulator.press("Ask for changes…")
    regulator.fill({"reason": "One thing is left."})
    regulator.page.get_by_label("Conditions").fill("60 km/h is too fast for this road.")
    regulator.passes()
    regulator.press("Hand back")
    regulator.sees("60 km/h is too fast for this road.")


def compare(regulator: Person, applicant: Applicant) -> None:
    regulator.goes_to("Permits", "Applications")
    regulator.page.get_by_role("link", name=applicant.number).click()
    regulator.sees("45 km/h, then.")
    regulator.press("Compare revisions")
    changed = regulator.page.locator("tr", has_text="Speed")
    expect(changed).to_contain_text("60 km/h")
    expect(changed).to_contain_text("45 km/h")
    regulator.passes("regulator-comparison")
    regulator.page.get_by_role("link", name=applicant.number).click()


def issue(regulator: Person) -> str:
    """With a condition of the regulator's own; returns the permit's number."""
    regulator.press("Grant…")
    regulator.fill({"conditions.minimum_accuracy_m": "3", "reason": "The safety case convinces."})
    regulator.passes()
    regulator.press("Grant and issue")
    regulator.page.wait_for_url("**/desk/permits/*")
    expect(regulator.page.locator("h1")).to_contain_text("In force")
    regulator.sees("45 km/h")
    regulator.passes()
    return regulator.page.url.rsplit("/", 1)[-1]


def read_the_notice(regulator: Person, permit: str) -> None:
    address = regulator.page.get_by_role("link", name="Notice (PDF)").get_attribute("href")
    answer = regulator.page.request.get(address or "")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF-")
    assert permit in answer.headers["content-disposition"]


def verify(visitor: Person, permit: str, verdict: str) -> None:
    visitor.page.goto(f"/verify/{permit}")
    visitor.sees(verdict)
    visitor.passes("regulator-verification" if "valid" in verdict else "")


@contextmanager
def fleet(applicant: Applicant, scratch: Path) -> Iterator[list[Drive]]:
    """Both vehicles under way, a kilometre apart, faster than what will be allowed."""
    with ExitStack() as under_way:
        yield [
            under_way.enter_context(
                driving(
                    applicant.commands[vehicle_id],
                    scratch,
                    officer_id=OFFICER,
                    road=Road(ROAD),
                    from_m=1_200.0 - 1_000.0 * order,
                    speed_mps=FASTEST_MPS,
                )
            )
            for order, vehicle_id in enumerate(CARS)
        ]


def watch(regulator: Person, permit: str) -> None:
    regulator.page.goto(f"/desk/permits/{permit}")
    expect(regulator.page.locator(".tile-value").first).to_have_text("2 / 2")
    regulator.goes_to("Duty")
    expect(regulator.page.locator("#count-road")).to_have_text("2")
    expect(regulator.page.locator("#rows-empty")).to_be_visible()


def restrict(regulator: Person, permit: str) -> None:
    """Slower than both drive: their next samples are findings."""
    regulator.page.goto(f"/desk/permits/{permit}")
    regulator.press("Restrict")
    regulator.fill({"speed_cap_kmh": "30", "reason": "Heavy rain."})
    regulator.passes()
    regulator.press("Restrict")
    regulator.sees("Heavy rain.")
    see_alerts(regulator, "Overspeed", 2)
    regulator.passes("regulator-alerts")


def close_the_road(regulator: Person, first: Drive) -> None:
    """A restricted zone around the first vehicle, as wide as it drives in two minutes."""
    regulator.goes_to("Zones")
    with regulator.page.expect_response("**/api/v1/zones?centreline=1"):  # its script is ready by then
        regulator.press("Draw a zone")
    regulator.choose({"kind": "restricted"})
    regulator.page.locator("[data-tool=circle]").click()
    (lon, lat), _ = first.road.at(first.along_m + 300.0)
    for name, value in {"lat": f"{lat:.6f}", "lon": f"{lon:.6f}", "radius": "400"}.items():
        regulator.page.locator(f"#circle-{name}").fill(value)
    regulator.press("Draw the circle")
    regulator.fill({"zone_id": "QH-X-FLOOD", "name_zh": "积水路段", "name_en": "Flooded road", "reason": "Flood."})
    expect(regulator.page.locator("#verdict-title")).to_have_text("Ready to publish.")
    regulator.passes("regulator-zone")
    regulator.press("Publish")
    regulator.page.wait_for_url("**/desk/zones/QH-X-FLOOD")
    see_alerts(regulator, "In a restricted area", 1)


def revoke(regulator: Person, permit: str) -> None:
    regulator.page.goto(f"/desk/permits/{permit}")
    regulator.page.locator("summary", has_text="Revoke").click()
    regulator.page.locator("#revoked-reason").fill("The vehicles went on at speed.")
    regulator.passes()
    regulator.page.locator(".confirm[open] button.is-danger").click()
    expect(regulator.page.locator("h1")).to_contain_text("Revoked")
    see_alerts(regulator, "No permit", 2)
    regulator.passes("regulator-revoked")


def see_alerts(regulator: Person, name: str, count: int) -> None:
    regulator.goes_to("Duty")
    expect(regulator.page.locator(".alert-row", has_text=name)).to_have_count(count)


def read_the_audit_log(regulator: Person, permit: str) -> None:
    regulator.goes_to("Administration", "Audit")
    regulator.sees("Every change, with who made it")
    for reason in ("Heavy rain.", "Flood.", "The vehicles went on at speed.", "The safety case convinces."):
        regulator.sees(reason)
    regulator.sees(permit)
    regulator.passes("regulator-audit")


def assert_nothing_was_lost(place: Installation, vehicle_id: str) -> None:
    """Every number that the vehicle gave, from its first to its last, is stored."""
    query = text(
        "SELECT min(seq), max(seq), count(*) FROM samples JOIN vehicles ON vehicles.id = samples.vehicle"
        " WHERE vehicles.vehicle_id = :vehicle_id"
    )
    with opened_engine(place.settings().database_url) as engine, engine.connect() as connection:
        first, last, count = connection.execute(query, {"vehicle_id": vehicle_id}).one()
    assert count == last - first + 1
    assert count > 20
