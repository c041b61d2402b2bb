"""The operators' register at the desk: what a browser sends and shows."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import select

from app.database import changing_session, reading_session
from app.imports.reading import MAX_FILE_BYTES
from app.models import Organisation, RejectRow, Role, Vehicle
from app.services.vehicles import verify_credential
from app.web.findings_text import FINDING_TEXTS
from telemetry.findings import Finding
from telemetry.ports import RejectReason
from tests.app.imports.spreadsheets import GOOD, GOOD_TOO, HEADER, csv_text, with_part, workbook
from tests.app.telling import tell_of
from tests.app.web.cast import SOUTH_MANAGER, City
from tests.app.web.register_cast import CAR, CRAFT, OFFICER, TRIAL, Person, Program

ATTACK = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{7*7}}"""


@pytest.fixture
def manager(city: City) -> Person:
    return Person(city, Role.OPERATOR_MANAGER)


def test_registering_shows_the_credentials_once(city: City, manager: Person) -> None:
    answer = manager.send("/desk/vehicles/new", CAR)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = re.search(r"PILOTAGE_VEHICLE_PASSWORD=(\S+) pilotage agent --broker \S+ --vehicle N-100", answer.text)
    assert token is not None
    with reading_session(city.engine) as session:
        assert verify_credential(session, "N-100", token[1]) is not None
    page = manager.page("/desk/vehicles/N-100")
    assert token[1] not in page
    assert f"v1/{_partition(city, 'N-100')}/N-100/telemetry" in page
    assert re.search(r"PILOTAGE_VEHICLE_PASSWORD=… pilotage agent --broker \S+ --vehicle N-100<", page)


def _partition(city: City, vehicle_id: str) -> int:
    with reading_session(city.engine) as session:
        return session.scalars(select(Vehicle.partition).where(Vehicle.vehicle_id == vehicle_id)).one()


def test_a_refused_form_keeps_what_was_typed(manager: Person) -> None:
    answer = manager.send("/desk/vehicles/new", CAR | {"vin": "1M8GDM9A1KP042788", "sensors": "4 lidars"})
    assert answer.status_code == 422
    assert 'value="1M8GDM9A1KP042788"' in answer.text
    assert 'value="4 lidars"' in answer.text
    assert "check digit" in answer.text
    taken = manager.send("/desk/vehicles/new", CAR | {"vehicle_id": "NORTH-R1"})
    assert (taken.status_code, "taken already" in taken.text) == (422, True)


def test_fields_of_the_other_kind_are_out_of_sight_and_out_of_mind(manager: Person) -> None:
    assert manager.send("/desk/vehicles/new", CRAFT | {"vin": "typed before the kind was changed"}).status_code == 200


def test_a_stale_form_is_told_and_shown_again(city: City, manager: Person) -> None:
    manager.send("/desk/vehicles/new", CAR)
    stale = manager.page("/desk/vehicles/N-100/edit")
    version = re.search(r'name="version" value="(\d+)"', stale)
    assert version is not None
    assert manager.send("/desk/vehicles/N-100/edit", CAR | {"make": "first"}).status_code == 303
    late = manager.send("/desk/vehicles/N-100/edit", CAR | {"make": "second"}, version=version[1])
    assert late.status_code == 422
    assert "Somebody else has changed this meanwhile" in html.unescape(late.text)
    assert 'value="second"' in late.text
    assert Program(city, Role.AUDITOR).get("/vehicles/N-100").get_json()["make"] == "first"


def test_the_vehicles_page_decides_and_rotates(city: City, manager: Person) -> None:
    page = "/desk/vehicles/NORTH-R1"
    change = {"status": "out_of_service", "reason": "brakes"}
    assert manager.send(f"{page}/status", {"status": "out_of_service"}, page).status_code == 422
    assert manager.send(f"{page}/status", change, page, version="99").status_code == 422
    assert manager.send(f"{page}/status", change, page).status_code == 303
    assert "brakes" in manager.page(page)
    rotated = manager.send(f"{page}/credentials", {}, page)
    assert "former credentials are worthless" in html.unescape(rotated.text)
    assert manager.send(f"{page}/credentials/revoke", {}, page).status_code == 303
    assert Program(city, Role.AUDITOR).get("/vehicles/NORTH-R1").get_json()["has_credential"] is False


def test_a_vehicles_page_shows_its_own_alerts_and_rejects(city: City, manager: Person) -> None:
    city.store_alert("NORTH-R1")
    with changing_session(city.engine) as session:
        for vehicle, number in (("NORTH-R1", 1), ("NORTH-E1", 2)):
            session.add(
                RejectRow(
                    digest=bytes([number]) * 32,
                    topic=f"v1/1/{vehicle}/telemetry",
                    vehicle=city.keys[vehicle],
                    seq=None,
                    reason=RejectReason.MALFORMED_JSON,
                    detail=f"what {vehicle} sent",
                    payload=b"<script>",
                    arrivals=1,
                    first_received_ms=city.time(),
                    last_received_ms=city.time(),
                )
            )
    page = manager.page("/desk/vehicles/NORTH-R1")
    assert "what NORTH-R1 sent" in page
    assert "what NORTH-E1 sent" not in page
    assert "&lt;script&gt;</code>" in page
    name = str(FINDING_TEXTS[Finding.OUTSIDE_AREA].wording("en").name)
    assert name in page
    assert name not in manager.page("/desk/vehicles/NORTH-E1")


def test_foreign_pages_do_not_exist(city: City) -> None:
    north = Program(city, Role.OPERATOR_MANAGER)
    assert north.send("POST", "/officers", OFFICER).status_code == 201
    assert north.send("POST", "/trials", TRIAL).status_code == 201
    south = Person(city, SOUTH_MANAGER)
    for path in ("vehicles/NORTH-R1", "officers/SO-1", "trials/T-1", "organisations/NORTH"):
        assert south.client.get(f"/desk/{path}").status_code == 404, path
        assert south.client.get(f"/desk/{path}/edit").status_code == 404, path
    assert "NORTH" not in south.page("/desk/vehicles")
    assert "NORTH" not in south.page("/desk/vehicles?export=csv")
    assert OFFICER["name"] not in south.page("/desk/officers")


def test_people_are_registered_renewed_and_withdrawn(manager: Person) -> None:
    page = "/desk/officers/SO-1"
    assert manager.send("/desk/officers/new", OFFICER | {"expires_on": "soon"}).status_code == 422
    assert manager.send("/desk/officers/new", OFFICER).status_code == 303
    assert manager.send(f"{page}/edit", {"name": "陈晓红", "capacity": "remote_pilot"}).status_code == 303
    assert manager.send(f"{page}/withdraw", {"reason": ""}, page).status_code == 422
    assert manager.send(f"{page}/withdraw", {"reason": "left"}, page).status_code == 303
    renewal = {"licence_class": "C1", "licence_number": "4404", "expires_on": "2027-12-31"}
    assert manager.send(f"{page}/licences", renewal | {"licence_class": ""}, page).status_code == 422
    assert manager.send(f"{page}/licences", renewal, page).status_code == 303
    text = manager.page(page)
    assert "陈晓红" in text
    assert "left" in text
    assert "2027-12-31" in manager.page("/desk/officers?state=valid")


def test_a_trial_is_registered_and_changed(manager: Person) -> None:
    assert manager.send("/desk/trials/new", TRIAL | {"stage": "flight_test"}).status_code == 422
    assert manager.send("/desk/trials/new", TRIAL).status_code == 303
    changed = {name: value for name, value in TRIAL.items() if name != "trial_id"} | {"goal": "Learn more."}
    assert manager.send("/desk/trials/T-1/edit", changed).status_code == 303
    text = manager.page("/desk/trials/T-1")
    assert "Learn more." in text
    assert "Menghai Avenue" in text


def test_an_organisation_is_registered_by_the_city_and_described_by_itself(city: City, manager: Person) -> None:
    administrator = Person(city, Role.ADMINISTRATOR)
    stated = {"code": "WEST", "name_zh": "西", "name_en": "West", "website": "https://west.example"}
    assert administrator.send("/desk/organisations/new", stated).status_code == 303
    assert administrator.send("/desk/organisations/new", stated).status_code == 422
    assert "North Mobility" in manager.page("/desk/organisations")
    assert "South Mobility" not in manager.page("/desk/organisations")
    own = {"name_zh": "北", "name_en": "North", "emergency_phone": "0755-110"}
    assert manager.send("/desk/organisations/NORTH/edit", own | {"website": "javascript:alert(1)"}).status_code == 422
    assert manager.send("/desk/organisations/NORTH/edit", own).status_code == 303
    assert "0755-110" in manager.page("/desk/organisations/NORTH")


# --- imports --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "http://north.example", " https://north.example", "//x.example"]
)
def test_only_https_becomes_a_link(city: City, manager: Person, address: str) -> None:
    """Whatever has come into the database past the schema."""
    with changing_session(city.engine) as session:
        company = session.scalars(select(Organisation).where(Organisation.code == "NORTH")).one()
        company.website = address
        tell_of(session, company)
    page = manager.page("/desk/organisations/NORTH")
    assert html.escape(address) in page
    assert f'href="{address}' not in page


def test_an_import_is_looked_at_confirmed_and_hands_out_every_credential(city: City, manager: Person) -> None:
    answer = manager.upload("/desk/vehicle-imports", csv_text(HEADER, GOOD, GOOD_TOO).encode("gb18030"))
    assert answer.status_code == 303
    preview = answer.location
    assert "北汽" in manager.page(preview)
    assert "C-1" not in manager.page("/desk/vehicles")
    done = manager.send(f"{preview}/confirm", {}, preview)
    assert done.status_code == 200
    tokens = dict(re.findall(r"^(C-\d),C-\d,(pv_[\w-]+),v1/", html.unescape(done.text), re.MULTILINE))
    with reading_session(city.engine) as session:
        assert list(tokens) == ["C-1", "C-2"]
        assert all(verify_credential(session, vehicle_id, token) for vehicle_id, token in tokens.items())
    assert manager.client.get(preview).status_code == 404


def test_a_bad_cell_is_marked_and_stops_everything(manager: Person) -> None:
    bad = csv_text(HEADER, GOOD, ("road", "C-9", ATTACK, "=HYPERLINK(1)", "BAD", "7", "-5", "x"))
    preview = manager.upload("/desk/vehicle-imports", bad.encode()).location
    text = manager.page(preview)
    assert text.count("has-problem") >= 4
    assert "<script>alert" not in text
    refused = manager.client.post(
        f"{preview}/confirm", data={"csrf_token": re.findall(r'name="csrf_token" value="([^"]+)"', text)[0]}
    )
    assert refused.status_code == 422
    assert "Nothing was imported" in refused.text
    assert "C-1" not in manager.page("/desk/vehicles")


def test_a_draft_is_nobody_elses(city: City, manager: Person) -> None:
    preview = manager.upload("/desk/vehicle-imports", csv_text(HEADER, GOOD).encode()).location
    for other in (Person(city, Role.OPERATOR_STAFF), Person(city, SOUTH_MANAGER)):
        assert other.client.get(preview).status_code == 404
    assert manager.client.get(preview).status_code == 200
    city.time.pass_ms(3_600_001)
    assert manager.client.get(preview).status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no rows"),
        (b"%PDF-1.7 \0", "no spreadsheet"),
        (b"\xd0\xcf\x11\xe0 old", "old Excel"),
        (b"kind,vehicle_id,<b>x</b>\n", "&lt;b&gt;x&lt;/b&gt;"),
        (with_part(workbook(HEADER), "xl/worksheets/sheet9.xml", b"0" * 30_000_000), "unpack"),
        (b"0" * (MAX_FILE_BYTES + 1), "larger than 2 MiB"),
    ],
)
def test_an_unusable_file_is_told_in_words(manager: Person, content: bytes, said: str) -> None:
    answer = manager.upload("/desk/vehicle-imports", content, "../../etc/passwd.csv")
    assert answer.status_code == 422
    assert said in answer.text


def test_a_file_that_is_far_too_large_is_not_read(manager: Person) -> None:
    assert manager.upload("/desk/vehicle-imports", b"0" * (4 * MAX_FILE_BYTES)).status_code == 413
    assert manager.send("/desk/vehicle-imports", {}).status_code == 422


def test_the_template_can_be_filled_in(manager: Person) -> None:
    for language, word in (("en", "Vehicle ID"), ("zh_CN", "车辆编号")):
        manager.client.get(f"/lang/{language}")
        template = manager.client.get("/desk/vehicle-imports/template.csv").data
        assert word.encode() in template
        assert manager.upload("/desk/vehicle-imports", template).status_code == 303


# --- hostile words ----------------------------------------------------------------------------------


def test_words_of_operators_are_never_markup_or_formulas(city: City, manager: Person) -> None:
    words = dict.fromkeys(
        ("make", "model", "plate", "sensors", "software_version", "insurer", "insurance_policy"), ATTACK
    )
    plate = {"plate": ATTACK[:64]}
    assert manager.send("/desk/vehicles/new", CAR | words | plate).status_code == 200
    formula = CRAFT | {"make": "=1+1", "model": "@x", "aircraft_type": ATTACK}
    assert manager.send("/desk/vehicles/new", formula).status_code == 200
    assert manager.send("/desk/officers/new", OFFICER | {"name": ATTACK, "licence_class": ATTACK}).status_code == 303
    assert (
        manager.send("/desk/trials/new", TRIAL | {"name_zh": ATTACK, "name_en": ATTACK, "goal": ATTACK}).status_code
        == 303
    )
    stated = {"name_zh": ATTACK, "name_en": ATTACK, "address": ATTACK, "contact_name": ATTACK}
    assert manager.send("/desk/organisations/NORTH/edit", stated).status_code == 303
    out = {"status": "out_of_service", "reason": ATTACK}
    assert manager.send("/desk/vehicles/N-100/status", out, "/desk/vehicles/N-100").status_code == 303
    paths = ["vehicles", "vehicles/N-100", "vehicles/N-100/edit", "officers", "officers/SO-1", "officers/SO-1/edit"]
    paths += ["trials", "trials/T-1", "trials/T-1/edit", "organisations/NORTH", "organisations/NORTH/edit"]
    for reader in (manager, Person(city, Role.REGULATOR, "zh_CN")):
        for path in paths:
            answer = reader.client.get(f"/desk/{path}")
            assert answer.status_code in {200, 403}
            assert "<script>alert" not in answer.text, path
            assert "<img src=x" not in answer.text, path
            assert "49" not in re.findall(r"onerror=alert\(1\)&gt;(\d*)", answer.text), path
    exported = manager.page("/desk/vehicles?export=csv")
    assert ",'=1+1 @x," in exported
