"""Fields that choose from many: a short list whole, a long one by a search, and only what the caller may see."""

from __future__ import annotations

import re
from datetime import date

import pytest

from app.database import changing_session
from app.models import Capacity, Organisation, Role, Trial, User
from app.schemas.officers import OfficerRegistration
from app.services.officers import register_officer
from app.services.vehicles import register_vehicle
from app.web.choices import MOST_BOXES, MOST_FOUND
from app.web.forms import members
from telemetry.samples import VehicleKind
from tests.app.web.cast import SOUTH_MANAGER, City, csrf_of
from tests.app.web.test_applications_web import draft, sent, version


def grow(city: City, count: int = MOST_BOXES + 1) -> None:
    """A fleet that is too long for boxes."""
    with changing_session(city.engine) as session:
        north = session.query(Organisation).filter_by(code="NORTH").one()
        for number in range(count):
            register_vehicle(
                session,
                vehicle_id=f"CAR-{number:03d}",
                kind=VehicleKind.ROAD,
                organisation=north,
                now_ms=city.time(),
                plate=f"粤B{number:05d}",
            )


def found(city: City, who: Role | str, path: str) -> tuple[list[str], bool]:
    answer = city.logged_in(who).get(f"/desk/choices/{path}")
    assert answer.status_code == 200
    body = answer.get_json()
    return [each["value"] for each in body["choices"]], body["more"]


def test_a_few_are_found_at_a_time(city: City) -> None:
    grow(city)
    first, more = found(city, Role.OPERATOR_MANAGER, "vehicles")
    assert (first[0], len(first), more) == ("CAR-000", MOST_FOUND, True)
    assert found(city, Role.OPERATOR_MANAGER, "vehicles?q=粤B00012") == (["CAR-012"], False)
    assert found(city, Role.OPERATOR_MANAGER, "vehicles?kind=air") == (["NORTH-E1"], False)
    assert found(city, Role.OPERATOR_MANAGER, "vehicles?q=%25") == ([], False)


def test_nobody_finds_what_is_another_operators(city: City) -> None:
    grow(city, 3)
    assert found(city, SOUTH_MANAGER, "vehicles") == (["SOUTH-E1", "SOUTH-R1"], False)
    assert "NORTH-R1" in found(city, Role.REGULATOR, "vehicles")[0]


def test_people_are_found_by_what_the_stage_is_about(city: City) -> None:
    with changing_session(city.engine) as session:
        manager = session.query(User).filter_by(role=Role.OPERATOR_MANAGER).first()
        assert manager is not None
        assert manager.organisation is not None
        for officer_id, capacity in (("SO-1", Capacity.ONBOARD_SAFETY_OFFICER), ("RP-1", Capacity.REMOTE_PILOT)):
            details = OfficerRegistration(
                officer_id=officer_id,
                name="Chen Jie",
                capacity=capacity,
                licence_class="C1",
                licence_number=f"L-{officer_id}",
                expires_on=date(2027, 1, 1).isoformat(),
            )
            register_officer(session, details, organisation=manager.organisation, now_ms=city.time(), actor=manager)
        own = {"NORTH": Role.OPERATOR_MANAGER, "SOUTH": SOUTH_MANAGER}[manager.organisation.code]
    assert found(city, own, "officers?stage=road_test&q=chen") == (["SO-1"], False)
    assert found(city, own, "officers?stage=flight_test") == (["RP-1"], False)


def test_zones_are_found_by_either_name(city: City) -> None:
    for words in ("梦海", "MENGHAI", "qh-r"):
        assert found(city, Role.OPERATOR_STAFF, f"zones?q={words}") == (["QH-R-01"], False)
    assert found(city, Role.OPERATOR_STAFF, "zones?jurisdiction=QH&stage=road_test") == (["QH-R-01"], False)
    assert found(city, Role.OPERATOR_STAFF, "zones?jurisdiction=QH&stage=flight_test") == ([], False)


@pytest.mark.parametrize("query", ["q=%00", "kind=boat", "stage=x", "jurisdiction=%27", f"q={'x' * 300}"])
def test_what_cannot_be_typed_finds_nothing(city: City, query: str) -> None:
    answer = city.logged_in(Role.OPERATOR_STAFF).get(f"/desk/choices/zones?{query}")
    assert (answer.status_code, answer.get_json()) == (422, {"choices": [], "more": False})


def test_a_short_list_is_boxes_and_a_long_one_a_search(city: City) -> None:
    client = city.logged_in(Role.OPERATOR_MANAGER)
    for path in ("/desk/trials/new", "/desk/incidents/new"):
        page = client.get(path).text
        assert "NORTH-R1" in page
        assert "data-picker" not in page
    grow(city)
    for path in ("/desk/trials/new", "/desk/incidents/new"):
        page = client.get(path).text
        assert 'data-search="/desk/choices/vehicles"' in page
        assert "CAR-001" not in page


def test_typed_identifiers_are_taken_and_shown_again(city: City) -> None:
    grow(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    fields = {
        "csrf_token": csrf_of(client),
        "trial_id": "T-9",
        "name_zh": "接驳",
        "name_en": "Shuttle",
        "domain": "road",
        "stage": "road_test",
        "goal": "To find out.",
        "starts_on": "2026-03-02",
        "vehicles": "CAR-001, CAR-003\r\nNORTH-R1",
    }
    page = client.post("/desk/trials/new", data=fields).text
    picked = re.findall(r'<li data-value="([^"]+)">([^<]+)</li>', page)
    assert ("CAR-003", "CAR-003 · 粤B00003") in picked
    assert len(picked) == 3
    assert client.post("/desk/trials/new", data=fields | {"ends_on": "2026-04-02"}).status_code == 303
    with changing_session(city.engine) as session:
        trial = session.query(Trial).filter_by(trial_id="T-9").one()
        assert {vehicle.vehicle_id for vehicle in trial.vehicles} == {"CAR-001", "CAR-003", "NORTH-R1"}


def test_a_step_keeps_what_was_typed_when_it_is_refused(city: City) -> None:
    grow(city)
    number = draft(city)
    client = city.logged_in(Role.OPERATOR_MANAGER)
    status, page = sent(client, f"/{number}/edit/vehicles", version=version(city, number), vehicles="CAR-007 ../x")
    assert status == 422
    assert '<li data-value="CAR-007">CAR-007 · 粤B00007</li>' in page
    assert '<li data-value="../x">../x</li>' in page


@pytest.mark.parametrize(
    ("typed", "read"),
    [(None, []), ("A", ["A"]), (["A", "B"], ["A", "B"]), (" A,B\tC\r\n；D、E，F ;", list("ABCDEF")), ([" ", ""], [])],
)
def test_a_list_is_typed_in_any_way(typed: str | list[str] | None, read: list[str]) -> None:
    assert members(typed) == read
