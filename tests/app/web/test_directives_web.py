"""Orders and directives, over the API and at the desk."""

from __future__ import annotations

from typing import Any

import pytest
from shapely import LineString
from sqlalchemy import select, update

from app.database import changing_session, reading_session
from app.models import DirectiveAnswer, DirectiveRow, OutboxRow, Role, Vehicle
from app.schemas.vehicles import StatusChange
from app.services.vehicle_status import change_status
from app.services.zones import publish_zone_revision
from geofences.zones import ZoneKind
from telemetry.directives import DirectiveKind, Reply, decode_orders
from telemetry.messages import directive_topic
from tests.app.applicants import user
from tests.app.web.cast import BAOAN_REGULATOR, NOON_MS, SOUTH_MANAGER, City
from tests.app.web.permit_scene import NUMBER, issue
from tests.app.web.register_cast import Person, Program

HALT = {"vehicles": ["NORTH-R1"], "kind": "halt", "reason": "Smoke on the road."}
AREA = {"type": "Polygon", "coordinates": [[[113.89, 22.51], [113.91, 22.51], [113.91, 22.53], [113.89, 22.51]]]}


@pytest.fixture
def regulator(city: City) -> Program:
    return Program(city, Role.REGULATOR)


def ordered(program: Program, **changes: Any) -> list[dict[str, Any]]:
    answer = program.send("POST", "/directives", HALT | changes)
    assert answer.status_code == 201, answer.text
    made: list[dict[str, Any]] = answer.get_json()["directives"]
    return made


def codes(program: Program, **changes: Any) -> set[tuple[str, str]]:
    answer = program.send("POST", "/directives", HALT | changes)
    assert answer.status_code == 422, answer.text
    return {(error["path"], error["code"]) for error in answer.get_json()["errors"]}


def note(city: City, directive_id: str, **columns: Any) -> None:
    """What the worker writes of it, past the audit log."""
    with city.engine.begin() as connection:
        connection.execute(update(DirectiveRow).where(DirectiveRow.directive_id == directive_id).values(**columns))


def answered(city: City, directive_id: str, reply: Reply, detail: str = "") -> None:
    with changing_session(city.engine) as session:
        key = session.scalars(select(DirectiveRow.id).where(DirectiveRow.directive_id == directive_id)).one()
        times = {"answered_at_ms": city.time() - 5_000, "received_at_ms": city.time()}
        session.add(DirectiveAnswer(directive_key=key, reply=reply, detail=detail, **times))


def test_an_order_goes_to_each_vehicle_and_is_followed_to_its_end(city: City, regulator: Program) -> None:
    (made,) = ordered(regulator)
    assert (made["progress"], made["jurisdiction"], made["cause"]) == ("issued", "QH", "order")
    assert made["deadline_ms"] == NOON_MS + 120_000
    with reading_session(city.engine) as session:
        topic = directive_topic("NORTH-R1")
        (row,) = session.scalars(select(OutboxRow).where(OutboxRow.topic == topic)).all()
        (told,) = decode_orders(row.payload).directives
    assert (told.directive_id, told.kind, told.reason) == (made["directive_id"], DirectiveKind.HALT, HALT["reason"])
    path, seen = f"/directives/{made['directive_id']}", []
    steps = [
        lambda: note(city, made["directive_id"], sent_at_ms=NOON_MS + 1),
        lambda: answered(city, made["directive_id"], Reply.RECEIVED),
        lambda: answered(city, made["directive_id"], Reply.ACCEPTED, "stops at the next bay"),
        lambda: note(city, made["directive_id"], overdue_at_ms=NOON_MS + 120_000),
        lambda: note(city, made["directive_id"], complied_at_ms=NOON_MS + 130_000, complied_seq=8),
    ]
    for step in steps:
        step()
        found = regulator.send("GET", path).get_json()
        seen.append(found["progress"])
    assert seen == ["sent", "delivered", "accepted", "overdue", "complied"]
    assert (found["delivered_at_ms"], found["complied_seq"]) == (NOON_MS, 8)
    assert [each["detail"] for each in found["answers"]] == ["", "stops at the next bay"]


def test_an_order_says_what_its_kind_needs(regulator: Program) -> None:
    assert ordered(regulator, kind="slow", speed_kmh=18)[0]["speed_mps"] == 5.0
    assert ordered(regulator, kind="leave", place=AREA)[0]["place"]["type"] == "Polygon"
    line = {"type": "LineString", "coordinates": [[113.9, 22.5], [113.9, 22.6]]}
    for wrong, code in (
        ({"kind": "slow"}, "speed_of_slow"),
        ({"speed_kmh": 5}, "speed_of_slow"),
        ({"place": AREA}, "place_of_leave"),
        ({"kind": "leave", "place": line}, "place_no_area"),
    ):
        assert codes(regulator, **wrong) == {("", code)}
    assert codes(regulator, reason=" ") == {("reason", "string_too_short")}
    assert codes(regulator, deadline_s=5) == {("deadline_s", "greater_than_equal")}
    assert codes(regulator, vehicles=[]) == {("vehicles", "too_short")}


def test_a_place_that_cannot_be_judged_never_reaches_the_worker(regulator: Program) -> None:
    world = {"type": "Polygon", "coordinates": [[[-170, -80], [170, -80], [170, 80], [-170, 80], [-170, -80]]]}
    assert {path for path, _code in codes(regulator, kind="leave", place=world)} == {"place"}
    assert codes(regulator, kind="leave", zone="Z-NONE") == {("zone", "unknown_zone")}


def test_an_order_to_leave_names_a_zone_or_a_circle(city: City, regulator: Program) -> None:
    own_zone(city, "QH")
    (made,) = ordered(regulator, kind="leave", zone="BA-R-01")
    assert (made["zones"], made["place"]["type"]) == (["BA-R-01"], "Polygon")
    circle = {"lon": 113.9, "lat": 22.52, "radius_m": 200}
    assert ordered(regulator, kind="leave", circle=circle)[0]["place"]["type"] == "Polygon"
    assert codes(regulator, kind="leave", circle=circle, zone="BA-R-01") == {("", "one_place")}


def test_all_are_ordered_or_none(city: City, regulator: Program) -> None:
    assert codes(regulator, vehicles=["NORTH-R1", "X-1"]) == {("vehicles", "no_such_vehicle")}
    with changing_session(city.engine) as session:
        vehicle = session.scalars(select(Vehicle).where(Vehicle.vehicle_id == "NORTH-E1")).one()
        retired = StatusChange.model_validate({"status": "retired", "reason": "sold"})
        change_status(session, vehicle, retired, now_ms=NOON_MS, actor=user(session, Role.REGULATOR))
    assert codes(regulator, vehicles=["NORTH-R1", "NORTH-E1"]) == {("vehicles", "vehicle_not_ordered")}
    assert regulator.send("GET", "/directives").get_json()["items"] == []


def recognise(city: City, stages: list[str]) -> None:
    decision = {"recogniser": "BA", "issuer": "QH", "reason": "r", "stages": stages, "seen": 0}
    assert Program(city, BAOAN_REGULATOR).send("POST", "/recognition", decision).status_code == 201


def own_zone(city: City, jurisdiction: str) -> None:
    with changing_session(city.engine) as session:
        publish_zone_revision(
            session,
            zone_id="BA-R-01",
            kind=ZoneKind.TEST_ROAD,
            geometry=LineString([(113.9, 22.519), (113.9, 22.521)]),
            name_zh="路",
            name_en="Road",
            half_width_m=10.0,
            starts_at_ms=NOON_MS,
            now_ms=NOON_MS,
            jurisdiction=jurisdiction,
        )


def test_the_right_to_order_follows_permits_recognition_and_places(city: City, regulator: Program) -> None:
    baoan = Program(city, BAOAN_REGULATOR)
    assert ordered(baoan)[0]["jurisdiction"] == "BA", "a vehicle without any permit is nobody's"
    issue(city)
    foreign = {("vehicles", "vehicle_of_other_authority")}
    assert codes(baoan) == foreign
    assert ordered(regulator)[0]["jurisdiction"] == "QH"
    recognise(city, ["road_test"])
    assert codes(baoan) == foreign, "recognised for another stage"
    city.store_position("NORTH-R1")
    own_zone(city, "BA")
    assert ordered(baoan)[0]["jurisdiction"] == "BA", "it drives in a zone of theirs"


def test_who_recognises_a_permit_may_stop_its_vehicles(city: City) -> None:
    issue(city)
    recognise(city, ["demonstration"])
    assert ordered(Program(city, BAOAN_REGULATOR))[0]["jurisdiction"] == "BA"


def test_only_regulators_order_and_operators_see_their_own(city: City, regulator: Program) -> None:
    for person in (Role.OPERATOR_MANAGER, Role.OPERATOR_STAFF, Role.ADMINISTRATOR, Role.AUDITOR):
        assert Program(city, person).send("POST", "/directives", HALT).status_code == 403, person
    north, south = ordered(regulator, vehicles=["NORTH-R1", "SOUTH-R1"])
    own = Program(city, SOUTH_MANAGER)
    assert [each["vehicle_id"] for each in own.send("GET", "/directives").get_json()["items"]] == ["SOUTH-R1"]
    assert own.send("GET", f"/directives/{north['directive_id']}").status_code == 404
    assert own.send("GET", f"/directives/{south['directive_id']}").status_code == 200


def test_a_list_is_filtered(regulator: Program, city: City) -> None:
    halt, slow = ordered(regulator)[0], ordered(regulator, kind="slow", speed_kmh=20, vehicles=["SOUTH-R1"])[0]
    note(city, slow["directive_id"], overdue_at_ms=NOON_MS)
    regulator.change(
        "POST",
        f"/directives/{halt['directive_id']}/release",
        {"reason": "over"},
        seen=f"/directives/{halt['directive_id']}",
    )
    for query, found in {
        "": [slow, halt],
        "state=standing": [slow],
        "state=settled": [halt],
        "kind=halt": [halt],
        "vehicle_id=SOUTH-R1": [slow],
        "organisation=NORTH": [halt],
        "cause=permit": [],
        "overdue=true": [slow],
        "overdue=false": [halt],
    }.items():
        items = regulator.send("GET", f"/directives?{query}").get_json()["items"]
        assert [each["directive_id"] for each in items] == [each["directive_id"] for each in found], query


def test_a_release_needs_the_version_and_the_jurisdiction(city: City, regulator: Program) -> None:
    (made,) = ordered(regulator)
    path = f"/directives/{made['directive_id']}"
    for program, status in ((Program(city, BAOAN_REGULATOR), 403), (Program(city, Role.OPERATOR_MANAGER), 403)):
        assert program.change("POST", f"{path}/release", {"reason": "r"}, seen=path).status_code == status
    assert regulator.send("POST", f"{path}/release", {"reason": "r"}).status_code == 428
    answer = regulator.change("POST", f"{path}/release", {"reason": "The smoke is gone."}, seen=path)
    assert answer.status_code == 200
    told = answer.get_json()
    assert (told["progress"], told["settled_reason"]) == ("withdrawn", "The smoke is gone.")
    assert told["settled_by"] == "Regulator Person"
    assert regulator.change("POST", f"{path}/release", {"reason": "r"}, seen=path).status_code == 409


def test_a_duty_officer_orders_at_the_desk(city: City) -> None:
    officer = Person(city, Role.REGULATOR)
    form = officer.page("/desk/directives/new?vehicle=NORTH-E1")
    assert 'value="NORTH-E1" checked' in form
    sent = {"vehicles": "NORTH-E1", "kind": "slow", "deadline_s": "60", "reason": "Fog."}
    refused = officer.send("/desk/directives/new", sent)
    assert (refused.status_code, "needs a speed" in refused.text, "Fog." in refused.text) == (422, True, True)
    answer = officer.send("/desk/directives/new", sent | {"speed_kmh": "36"})
    assert answer.status_code == 303
    page = officer.page(answer.location)
    assert "NORTH-E1: Slow down to 36 km/h" in page
    assert "Not sent yet" in page
    for place in ("/desk/directives", "/desk/vehicles/NORTH-E1"):
        assert "Slow down to 36 km/h" in officer.page(place), place
    here, release = answer.location, f"{answer.location}/release"
    assert officer.send(release, {"reason": ""}, form_at=here).status_code == 422
    assert officer.send(release, {"version": "7", "reason": "over"}, form_at=here).status_code == 422
    assert officer.send(release, {"reason": "Fog has lifted."}, form_at=here).status_code == 303
    page = officer.page(here)
    assert "Fog has lifted." in page
    assert release not in page


def test_several_are_ordered_at_once(city: City) -> None:
    officer = Person(city, Role.REGULATOR)
    sent = {"vehicles": ["NORTH-E1", "NORTH-R1"], "kind": "halt", "deadline_s": "60", "reason": "Typhoon."}
    answer = officer.send("/desk/directives/new", sent)
    assert (answer.status_code, answer.location) == (303, "/desk/directives?state=standing")
    page = officer.page(answer.location)
    assert {"Land", "Halt"} <= {word for word in ("Land", "Halt") if f">{word}<" in page}


def test_the_page_tells_what_the_vehicle_said(city: City, regulator: Program) -> None:
    (made,) = ordered(regulator)
    answered(city, made["directive_id"], Reply.REFUSED, "<b>on a bridge</b>")
    page = Person(city, Role.OPERATOR_MANAGER).page(f"/desk/directives/{made['directive_id']}")
    assert "&lt;b&gt;on a bridge&lt;/b&gt;" in page
    assert "5.0 s earlier by the vehicle" in page
    assert "Refused" in page
    assert "/release" not in page


def test_what_a_permits_decision_demands_is_on_its_page(city: City, regulator: Program) -> None:
    issue(city)
    decision = {"decision": "suspended", "reason": "Brakes."}
    assert (
        regulator.change("POST", f"/permits/{NUMBER}/decisions", decision, seen=f"/permits/{NUMBER}").status_code == 200
    )
    page = Person(city, Role.AUDITOR).page(f"/desk/permits/{NUMBER}")
    assert "NORTH-R1: Halt" in page
    (made,) = regulator.send("GET", "/directives?cause=permit").get_json()["items"]
    assert (made["cause_id"], made["jurisdiction"]) == (NUMBER, "QH")
    assert f"/desk/permits/{NUMBER}" in Person(city, Role.AUDITOR).page(f"/desk/directives/{made['directive_id']}")
