"""Emergencies over the API and at the desk: who may, what is shown again, and what everybody sees."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from markupsafe import escape

from app.models import Role
from tests.app.web.cast import BAOAN_REGULATOR, SOUTH_MANAGER, City
from tests.app.web.register_cast import Program
from tests.app.web.test_zone_pages import Person

#: Around the sample that City.store_position stores.
PLACE = {"lon": 113.9, "lat": 22.52, "radius_m": 200}
DECLARED = {"jurisdiction": "QH", "circle": PLACE, "reason": "气体泄漏"}
BOW_TIE = [[113.9, 22.5], [113.91, 22.51], [113.91, 22.5], [113.9, 22.51], [113.9, 22.5]]
FIELDS = {
    "jurisdiction": "QH",
    "reason": "gas leak",
    "circle.lat": "22.52",
    "circle.lon": "113.9",
    "circle.radius_m": "200",
    "duration_min": "30",
    "lower_m": "",
    "upper_m": "",
    "datum": "",
    "geometry": "",
}


@pytest.fixture
def declared(city: City) -> str:
    """NORTH's car is told of it: it stands there."""
    city.store_position("NORTH-R1")
    answer = Program(city, Role.REGULATOR).send("POST", "/emergencies", DECLARED)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["number"])


def test_a_program_declares_follows_and_ends_one(city: City, declared: str) -> None:
    regulator = Program(city, Role.REGULATOR)
    path = f"/emergencies/{declared}"
    (row,) = regulator.get(f"{path}/vehicles").get_json()["items"]
    assert (row["vehicle_id"], row["response"], row["whereabouts"]) == ("NORTH-R1", "told", "inside")
    city.time.pass_ms(11_000)
    totals = regulator.get(f"{path}/totals").get_json()
    assert (totals["told"], totals["silent"], totals["inside"]) == (1, 1, 1)
    assert regulator.send("POST", f"{path}/vehicles/NORTH-R1/order", {}).status_code == 200
    assert regulator.send("POST", f"{path}/vehicles/SOUTH-R1/order", {}).status_code == 404
    assert regulator.send("POST", f"{path}/end", {"reason": "over"}).status_code == 428
    ended = regulator.change("POST", f"{path}/end", {"reason": "over"}, seen=path)
    assert (ended.status_code, ended.get_json()["end_reason"]) == (200, "over")
    again = regulator.change("POST", f"{path}/end", {"reason": "over"}, seen=path)
    assert (again.status_code, again.get_json()["code"]) == (422, "emergency_over")
    report = regulator.get(f"{path}/report").get_json()
    assert [event["kind"] for event in report["events"]] == ["declared", "told", "told", "ended"]
    assert (report["obliged"], report["share"], report["vehicles"][0]["orders"]) == (0, None, 2)
    assert [each["number"] for each in regulator.get("/emergencies?active=false").get_json()["items"]] == [declared]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"circle": PLACE | {"radius_m": 5}}, "circle.radius_m"),
        ({"circle": None, "geometry": {"type": "Polygon", "coordinates": [BOW_TIE]}}, "geometry"),
        ({"jurisdiction": "NOWHERE"}, "jurisdiction"),
    ],
)
def test_what_cannot_be_closed_is_told_at_its_field(city: City, change: dict[str, Any], path: str) -> None:
    answer = Program(city, Role.REGULATOR).send("POST", "/emergencies", DECLARED | change)
    assert answer.status_code == 422
    assert path in {error["path"] for error in answer.get_json()["errors"]}


def test_a_place_far_from_the_city_is_refused(city: City) -> None:
    answer = Program(city, Role.REGULATOR).send("POST", "/emergencies", DECLARED | {"circle": PLACE | {"lon": 10}})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "zone_unjudgeable")


def test_only_who_decides_there_declares_and_ends(city: City, declared: str) -> None:
    for person in (BAOAN_REGULATOR, Role.OPERATOR_MANAGER, Role.ADMINISTRATOR, Role.AUDITOR):
        other = Program(city, person)
        assert other.send("POST", "/emergencies", DECLARED).status_code == 403
        ended = other.change("POST", f"/emergencies/{declared}/end", {"reason": "r"}, seen=f"/emergencies/{declared}")
        assert ended.status_code == 403


def test_an_operator_sees_those_of_which_its_vehicles_were_told(city: City, declared: str) -> None:
    city.store_position("SOUTH-R1")
    north, south = Program(city, Role.OPERATOR_MANAGER), Program(city, SOUTH_MANAGER)
    assert [each["number"] for each in north.get("/emergencies").get_json()["items"]] == [declared]
    assert south.get("/emergencies").get_json()["items"] == []
    assert south.get(f"/emergencies/{declared}/report").status_code == 404
    both = Program(city, Role.REGULATOR).send("POST", "/emergencies", DECLARED).get_json()["number"]
    assert [each["vehicle_id"] for each in south.get(f"/emergencies/{both}/vehicles").get_json()["items"]] == [
        "SOUTH-R1"
    ]
    assert [each["vehicle_id"] for each in south.get(f"/emergencies/{both}/report").get_json()["vehicles"]] == [
        "SOUTH-R1"
    ]


def test_the_form_closes_a_place_and_leads_to_the_board(city: City) -> None:
    city.store_position("NORTH-R1")
    regulator = Person(city, Role.REGULATOR)
    sent = regulator.post("/desk/emergencies/new", **FIELDS)
    assert sent.status_code == 303, sent.text
    board = regulator.get(sent.location)
    assert "gas leak" in board.text
    shown = regulator.get(f"{sent.location}/board").get_json()
    assert (shown["is_over"], shown["totals"]["told"], shown["rows"][0]["vehicle_id"]) == (False, 1, "NORTH-R1")
    assert regulator.post(f"{sent.location}/vehicles/NORTH-R1/order").status_code == 303
    ended = regulator.post(f"{sent.location}/end", reason="over", version="1")
    assert ended.status_code == 303
    assert regulator.get(f"{sent.location}/board").get_json()["is_over"] is True
    refused = regulator.post(f"{sent.location}/end", reason="over", version="2")
    assert (refused.status_code, "over already" in refused.text) == (422, True)


def test_an_outline_that_crosses_itself_is_shown_again(city: City) -> None:
    outline = json.dumps({"type": "Polygon", "coordinates": [BOW_TIE]})
    regulator = Person(city, Role.REGULATOR)
    blank = FIELDS | {"circle.lat": "", "circle.lon": "", "geometry": outline, "reason": "smoke, much of it"}
    refused = regulator.post("/desk/emergencies/new", **blank)
    assert refused.status_code == 422
    assert "crosses itself" in refused.text
    assert str(escape(outline)) in refused.text
    assert "smoke, much of it" in refused.text
    assert regulator.get("/desk/emergencies?export=csv").text.count("\n") == 1, "nothing was declared"


def test_the_report_is_a_page_and_a_file(city: City, declared: str) -> None:
    auditor = Person(city, Role.AUDITOR)
    page = auditor.get(f"/desk/emergencies/{declared}/report")
    assert "NORTH-R1" in page.text
    file = auditor.get(f"/desk/emergencies/{declared}/report?export=csv").data.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert [row["Vehicle"] for row in rows] == ["NORTH-R1"]


def test_another_page_may_say_where(city: City) -> None:
    page = Person(city, Role.REGULATOR).get("/desk/emergencies/new?lat=22.5&lon=113.9").text
    assert 'value="113.9"' in page
