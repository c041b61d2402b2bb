"""An operator from an empty account to a driving vehicle, as docs/guide/operator.md tells it."""

from __future__ import annotations

import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.calendar import CITY
from tests.browser.conftest import Witness
from tests.walks.driving import Road, driving
from tests.walks.founding import JURISDICTION, REGULATOR, ROAD, found
from tests.walks.installation import ADMINISTRATOR, Installation, installation
from tests.walks.person import Person, arrives, unexpected

pytestmark = pytest.mark.browser

MANAGER = "wang@northbay.example"
OWN_PASSWORD = "three grey herons"
TODAY = datetime.now(CITY)
NEXT_YEAR = f"{TODAY + timedelta(days=400):%Y-%m-%d}"
#: Good ones, but for the check digit of the first.
WRONG_VIN, VINS = "LVSHFFAC5RN000001", ("LVSHFFAC0RN000001", "LVSHFFAC2RN000002", "LVSHFFAC4RN000003")
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


def test_from_an_empty_account_to_a_driving_vehicle(browser: Browser, tmp_path: Path, witness: Witness) -> None:
    with installation(tmp_path / "home") as place:
        found(place)
        administrator, manager = (arrives(browser, place, witness) for _ in range(2))
        password = register_the_operator(administrator, place)
        take_over_the_account(manager, password)
        describe_the_organisation(manager)
        command = register_a_vehicle(manager)
        register_an_officer(manager)
        import_two_more(manager, tmp_path)
        register_a_trial(manager)
        number = apply(manager, tmp_path)
        issue(manager, place, number)
        drive(manager, command, tmp_path)
    assert unexpected(witness) == []


def register_the_operator(administrator: Person, place: Installation) -> str:
    """The administrator's part; returns the temporary password of the operator's manager."""
    administrator.log_in(ADMINISTRATOR, place.password)
    administrator.replace_password(place.password, OWN_PASSWORD)
    administrator.goes_to("Administration", "Organisations")
    administrator.press("Register an organisation")
    administrator.fill({"code": "northbay", "name_zh": "北湾出行", "name_en": "Northbay Mobility"})
    administrator.passes()
    administrator.press("Register")
    administrator.sees("The organisation is registered.")
    administrator.goes_to("Administration", "Users")
    administrator.press("Create a user")
    administrator.fill({"email": MANAGER, "display_name": "Wang Min"})
    administrator.tick("Operator manager")
    administrator.page.locator("select[name=organisation]").select_option(label="Northbay Mobility")
    administrator.passes()
    administrator.press("Create")
    secret = administrator.page.get_by_role("group", name="Temporary password")
    administrator.passes()
    return administrator.copies(secret)


def take_over_the_account(manager: Person, password: str) -> None:
    manager.log_in(MANAGER, password)
    manager.passes()
    manager.replace_password(password, OWN_PASSWORD)
    manager.page.wait_for_url("**/duty")


def describe_the_organisation(manager: Person) -> None:
    manager.goes_to("Administration", "Organisations")
    manager.page.get_by_role("link", name="Northbay Mobility").click()
    manager.sees("No emergency phone is stated")
    manager.press("Edit")
    manager.fill({"credit_code": "91440300MA5DA1XA0M", "address": "深圳市前海桂湾一路 1 号"})
    manager.fill({"contact_name": "Wang Min", "contact_email": MANAGER, "emergency_phone": "+86 755 5550 0199"})
    manager.passes()
    manager.press("Save")
    manager.sees("+86 755 5550 0199")
    expect(manager.page.get_by_text("No emergency phone is stated")).to_have_count(0)


def register_a_vehicle(manager: Person) -> str:
    """First with a slip of the pen; returns the command line for the vehicle's computer."""
    manager.goes_to("Fleet", "Vehicles")
    manager.press("Register a vehicle")
    manager.tick("Road vehicle")
    manager.fill({"vehicle_id": "NB-001", "vin": WRONG_VIN, "plate": "粤B·A0001", "make": "BAIC", "model": "αT"})
    manager.choose({"automation_level": "4"})
    manager.fill({"insurer": "Ping An", "insured_sum_cny": "5000000", "insured_until": NEXT_YEAR})
    manager.press("Register")
    manager.sees("one character is wrong")
    manager.passes("operator-vin")
    manager.fill({"vin": VINS[0]})
    manager.press("Register")
    expect(manager.page.locator("h1")).to_have_text("Credentials of NB-001")
    manager.passes()
    ready = manager.page.locator(".box", has_text="Ready to run")
    command = manager.copies(ready)
    assert shlex.split(command)[1:3] == ["pilotage", "agent"]
    manager.press("I have kept them: to the vehicle")
    manager.sees("It has sent no message yet.")
    manager.passes()
    return command


def register_an_officer(manager: Person) -> None:
    manager.goes_to("Fleet", "People")
    manager.press("Register a person")
    manager.fill({"officer_id": "NB-SO-1", "name": "Chen Jie", "licence_class": "C1", "licence_number": "4403-1"})
    manager.fill({"expires_on": NEXT_YEAR})
    manager.choose({"capacity": "onboard_safety_officer"})
    manager.passes()
    manager.press("Register")
    manager.sees("Chen Jie")


def import_two_more(manager: Person, scratch: Path) -> None:
    rows = "kind,vehicle_id,make,model,vin,automation_level,insured_sum_cny,insured_until\n"
    good = f"road,NB-002,BAIC,αT,{VINS[1]},4,5000000,{NEXT_YEAR}\n"
    also_good = f"road,NB-003,BAIC,αT,{VINS[2]},4,5000000,{NEXT_YEAR}\n"
    file = scratch / "vehicles.csv"
    for text, cells in ((rows + good + also_good.replace(",4,", ",9,"), 1), (rows + good + also_good, 0)):
        file.write_text(text, "utf-8")
        manager.goes_to("Fleet", "Vehicles")
        manager.press("Import")
        manager.upload(file)
        manager.press("Look at it")
        manager.page.wait_for_url(re.compile("vehicle-imports/.+"))
        expect(manager.page.locator("td.has-problem")).to_have_count(cells)
        manager.passes("operator-import" if cells else "")
    manager.press("Register 2 vehicles")
    manager.sees("2 vehicles are registered")
    manager.passes()
    manager.press("I have kept them: to the vehicles")
    for vehicle_id in ("NB-001", "NB-002", "NB-003"):
        manager.sees(vehicle_id)
    manager.passes()


def register_a_trial(manager: Person) -> None:
    manager.goes_to("Fleet", "Trials")
    manager.press("Register a trial")
    manager.fill({"trial_id": "NB-T1", "name_zh": "前海大道接驳", "name_en": "Qianhai Avenue shuttle"})
    manager.choose({"domain": "road", "stage": "road_test"})
    manager.fill({"goal": "To find out how often a safety officer has to take over."})
    manager.fill({"starts_on": f"{TODAY:%Y-%m-%d}", "ends_on": f"{TODAY + timedelta(days=180):%Y-%m-%d}"})
    manager.tick("NB-001", "Qianhai Avenue")
    manager.passes()
    manager.press("Register")
    manager.sees("Qianhai Avenue shuttle")


def apply(manager: Person, scratch: Path) -> str:
    """Step by step, with a look at the gate before it is satisfied; returns the application's number."""
    manager.goes_to("Permits", "Applications")
    manager.press("Apply for a permit")
    manager.choose({"jurisdiction": JURISDICTION, "trial_id": "NB-T1", "stage": "road_test"})
    manager.passes()
    manager.press("Begin")
    manager.page.wait_for_url("**/edit/vehicles")
    number = manager.page.url.split("/")[-3]
    manager.tick("NB-001", "NB-002")
    manager.passes()
    manager.press("Save and continue")
    manager.page.wait_for_url("**/edit/people")
    manager.tick("Chen Jie")
    manager.press("Save and continue")
    manager.page.wait_for_url("**/edit/zones")
    manager.tick("Qianhai Avenue")
    expect(manager.page.locator("#zone-count")).to_contain_text("1")
    manager.page.locator("h1").click()  # what is pointed at has a colour of its own
    manager.passes("operator-places")
    manager.press("Save and continue")
    manager.page.wait_for_url("**/edit/terms")
    manager.passes()
    manager.press("Save and continue")
    manager.page.wait_for_url("**/edit/safety")
    manager.passes()
    manager.press("Save and continue")
    be_stopped_by_the_gate(manager)
    state_the_terms(manager)
    state_the_safety_case(manager, scratch)
    manager.sees("Complete: ready to be submitted")
    manager.passes()
    manager.press("Submit")
    expect(manager.page.locator("h1")).to_contain_text("Submitted")
    return number


def be_stopped_by_the_gate(manager: Person) -> None:
    manager.sees("Not complete yet")
    for gap in ("State the period.", "Say where the safety officer is.", "Safety case"):
        manager.sees(gap)
    expect(manager.page.get_by_role("button", name="Submit")).to_have_count(0)
    manager.passes("operator-gaps")


def state_the_terms(manager: Person) -> None:
    manager.page.locator(".gap-list a").first.click()
    manager.page.wait_for_url("**/edit/terms")
    begin, end = TODAY - timedelta(minutes=5), TODAY + timedelta(days=170)
    manager.fill({"valid_from_ms": f"{begin:%Y-%m-%dT%H:%M}", "valid_until_ms": f"{end:%Y-%m-%dT%H:%M}"})
    manager.fill({"conditions.speed_cap_kmh": "50"})
    manager.page.locator("input[value=onboard]").check()
    manager.press("Save and continue")
    manager.page.wait_for_url("**/edit/safety")


def state_the_safety_case(manager: Person, scratch: Path) -> None:
    file = scratch / "safety-case.pdf"
    file.write_bytes(PDF)
    manager.upload(file)
    manager.press("Save and continue")
    manager.page.wait_for_url("**/applications/*")
    manager.sees("safety-case.pdf")


def issue(manager: Person, place: Installation, number: str) -> None:
    """The regulator's part is a walk of its own: here through the API."""
    token = place.run("token", REGULATOR).split()[-1]
    url, request = f"/api/v1/applications/{number}", manager.page.request
    headers = {"Authorization": f"Bearer {token}"}
    seen = request.get(url, headers=headers)
    draft = seen.json()["draft"]
    terms = {name: draft[name] for name in ("valid_from_ms", "valid_until_ms", "hours", "conditions")}
    answer = request.post(
        f"{url}/grant", headers=headers | {"If-Match": seen.headers["etag"]}, data=terms | {"reason": "Complete."}
    )
    assert answer.ok, answer.text()
    manager.page.reload()
    manager.page.get_by_role("link", name=re.compile("^Permit ")).click()
    expect(manager.page.locator("h1")).to_contain_text("In force")
    manager.passes()


def drive(manager: Person, command: str, scratch: Path) -> None:
    """The copied line runs as it stands; the pages show where the vehicle is, and nothing wrong."""
    with driving(command, scratch, officer_id="NB-SO-1", road=Road(ROAD), from_m=1_500.0):
        manager.page.goto("/duty?vehicle=NB-001")
        expect(manager.page.locator("#count-road")).to_have_text("1")
        expect(manager.page.locator("#trail-facts")).to_contain_text("km/h")
        expect(manager.page.locator("path.trail-line").first).to_be_attached()
        expect(manager.page.locator("#rows-empty")).to_be_visible()
        manager.passes("operator-map")
        manager.page.goto("/desk/vehicles/NB-001")
        expect(manager.page.locator(".leaflet-container .vehicle")).to_be_visible()
        manager.sees("No alerts.")
        manager.sees("Every message was believed.")
        manager.passes("operator-vehicle")
