"""A bad day, from the closing of a corridor to evidence that anybody can check: docs/exercise.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.conftest import Witness
from tests.walks.installation import showcase
from tests.walks.person import Person, arrives, unexpected

pytestmark = pytest.mark.browser

REGULATOR = ("regulator@pilotage.example", "pilotage-demo-regulator")
OPERATOR = ("operator@cloudkoi.example", "pilotage-demo-cloudkoi")
#: It drives to and fro before the school on Qianwan 1st Road, says that it obeys, and does not.
DISOBEDIENT = "YL-019"
PERMIT = "QH-2026-R09"
#: The school, the roads around it, and the corridor along Nanshan that passes them.
CENTRE_LAT, CENTRE_LON, RADIUS_M = "22.5292", "113.9015", "420"
MOST_S = 240.0


@pytest.mark.timeout(600)
def test_a_corridor_is_closed_and_all_but_one_comply(browser: Browser, tmp_path: Path, witness: Witness) -> None:
    with showcase(tmp_path / "home", PILOTAGE_DEMO_DISOBEDIENT=DISOBEDIENT) as place:
        regulator = arrives(browser, place, witness)
        regulator.log_in(*REGULATOR)
        at_least_thirty_are_under_way(regulator)
        close_the_corridor(regulator)
        all_but_one_comply(regulator)
        alert = look_at_the_alert(regulator)
        suspend_the_permit(regulator)
        operator = arrives(browser, place, witness)
        operator.log_in(*OPERATOR)
        open_an_incident(operator, alert)
        bundle = export_the_evidence(regulator, tmp_path)
        assert "was altered" not in place.run("verify", "samples")
        end_the_emergency(regulator)
    verify_elsewhere(bundle, tmp_path / "elsewhere")
    assert unexpected(witness) == []


def at_least_thirty_are_under_way(regulator: Person) -> None:
    deadline_s = time.monotonic() + 30
    while len(live(regulator)) < 30 and time.monotonic() < deadline_s:
        regulator.page.wait_for_timeout(500)
    kinds = [feature["properties"]["kind"] for feature in live(regulator)]
    assert len(kinds) >= 30
    assert {"air", "road"} <= set(kinds)


def live(person: Person) -> list[dict[str, dict[str, str]]]:
    answer = person.page.request.get("/api/v1/live")
    found: list[dict[str, dict[str, str]]] = answer.json()["features"]
    return found


def close_the_corridor(regulator: Person) -> None:
    regulator.goes_to("Control", "Emergencies")
    regulator.press("Declare an emergency")
    regulator.fill(
        {
            "reason": "Gas is leaking at the school on Qianwan 1st Road.",
            "circle.radius_m": RADIUS_M,
            "circle.lat": CENTRE_LAT,
            "circle.lon": CENTRE_LON,
        }
    )
    regulator.passes("exercise-declare")
    regulator.press("Close this place now")
    regulator.page.wait_for_url(re.compile(r"/emergencies/E-\d+-\d+$"))


def all_but_one_comply(regulator: Person) -> None:
    """Everybody told has answered; when the two minutes are over, one is still inside, and remains the only one.

    Who has all of the place before it may take longer than two minutes at the speed of a school's street.
    """
    rows = regulator.page.locator(".board-row")
    within = rows.filter(has_text=re.compile("Still inside|Leaving"))
    late = regulator.page.locator(".board-row.is-overdue", has_text=DISOBEDIENT)
    expect(late).to_be_visible(timeout=MOST_S * 1000)
    expect(within).to_have_count(1, timeout=MOST_S * 1000)
    expect(within).to_contain_text(DISOBEDIENT)
    regulator.passes("exercise-board")
    told = int(total(regulator, "told").inner_text())
    assert told == rows.count()
    assert told >= 10
    assert int(total(regulator, "acknowledged").inner_text()) == told
    assert int(total(regulator, "left").inner_text()) >= 1


def total(regulator: Person, name: str) -> Locator:
    return regulator.page.locator(f"[data-total='{name}'] .tile-value")


def look_at_the_alert(regulator: Person) -> str:
    """The duty screen shows it among the others; returns its identifier."""
    alerts = regulator.page.request.get(f"/api/v1/alerts?state=open&vehicle_id={DISOBEDIENT}").json()["items"]
    (alert,) = [each for each in alerts if each["finding"] == "restricted_area"]
    regulator.page.goto("/duty")
    expect(regulator.page.get_by_text(DISOBEDIENT).first).to_be_visible()
    regulator.passes("exercise-duty")
    return str(alert["id"])


def suspend_the_permit(regulator: Person) -> None:
    regulator.goes_to("Control", "Emergencies")
    regulator.page.get_by_role("link", name=re.compile(r"^E-\d+-\d+$")).first.click()
    row = regulator.page.locator(".board-row", has_text=DISOBEDIENT)
    row.get_by_role("link", name="Suspend permit").click()
    expect(regulator.page.locator("h1")).to_contain_text(PERMIT)
    regulator.page.locator("summary", has_text="Suspend").click()
    regulator.page.locator("#suspended-reason").fill("It did not leave a closed place within two minutes.")
    regulator.page.locator(".confirm[open] button.is-danger").click()
    expect(regulator.page.locator("h1")).to_contain_text("Suspended")
    regulator.passes("exercise-suspended")


def open_an_incident(operator: Person, alert: str) -> None:
    """The operator's, from the alert: vehicle, time and kind are filled in."""
    operator.page.goto(f"/desk/incidents/new?alert={alert}")
    expect(operator.page.locator("select[name='jurisdiction']")).not_to_have_value("")
    operator.choose({"kind": "system_failure", "harm": "none"})
    operator.fill({"summary": "The car did not react to the order to leave. It was stopped by hand."})
    operator.passes("exercise-incident")
    operator.press("Report")
    operator.page.wait_for_url("**/desk/incidents/INC-*")


def export_the_evidence(regulator: Person, scratch: Path) -> Path:
    regulator.goes_to("Control", "Incidents")
    regulator.page.locator("tr", has_text=DISOBEDIENT).get_by_role("link").first.click()
    regulator.press("Evidence")
    regulator.fill({"reason": "Did not leave the closed place."})
    regulator.passes("exercise-export")
    regulator.press("Export")
    regulator.sees("Whole when exported")
    regulator.passes("exercise-evidence")
    with regulator.page.expect_download() as download:
        regulator.press("Download")
    path = scratch / "bundle.zip"
    download.value.save_as(path)
    return path


def end_the_emergency(regulator: Person) -> None:
    regulator.goes_to("Control", "Emergencies")
    regulator.page.get_by_role("link", name=re.compile(r"^E-\d+-\d+$")).first.click()
    regulator.page.locator("summary", has_text="End it").click()
    regulator.page.locator("#end-reason").fill("The leak is closed.")
    regulator.page.locator(".confirm[open] button[type=submit]").click()
    regulator.sees("Ended")
    regulator.press("Its report")
    regulator.sees(DISOBEDIENT)
    regulator.passes("exercise-report")


# --- without the platform -----------------------------------------------------------------------


def verify_elsewhere(bundle: Path, place: Path) -> None:
    """With the program from the bundle and a Python that has nothing installed; then with one byte changed."""
    place.mkdir()
    with zipfile.ZipFile(bundle) as archive:
        (place / "verify.py").write_bytes(archive.read("verify.py"))
        names = archive.namelist()
        samples = archive.read("data/samples.json")
    assert "index.html" in names
    shutil.copy(bundle, place / "bundle.zip")
    whole = verified(place)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    forged = bytearray(samples)
    digit = re.search(rb",113\.\d*(\d),", samples)
    assert digit is not None, "no sample in the bundle"
    forged[digit.start(1)] ^= 1
    with zipfile.ZipFile(bundle) as before, zipfile.ZipFile(place / "bundle.zip", "w") as after:
        for info in before.infolist():
            after.writestr(info, bytes(forged) if info.filename == "data/samples.json" else before.read(info))
    altered = verified(place)
    assert altered.returncode == 1
    assert "data/samples.json" in altered.stdout
    assert DISOBEDIENT in altered.stdout


def verified(place: Path) -> subprocess.CompletedProcess[str]:
    """In an empty environment, isolated from every installed package."""
    program = [sys.executable, "-I", "-S", "verify.py", "bundle.zip"]
    return subprocess.run(program, cwd=place, env={}, capture_output=True, text=True, check=False)
