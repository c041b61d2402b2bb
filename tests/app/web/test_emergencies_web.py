"""Emergencies over the API and at the desk: who may, what is shown again, and what everybody sees."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from markupsafe import escape
from sqlalchemy import Engine, event

from app.models import Role
from tests.app.web.cast import BAOAN_REGULATOR, SOUTH_MANAGER, City
from tests.app.web.register_cast import Person as Visitor
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


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


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
    city.time.pass_ms(1_000)
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


def test_it_is_prolonged_by_who_decides_there(city: City, declared: str) -> None:
    regulator, path = Program(city, Role.REGULATOR), f"/emergencies/{declared}"
    longer = {"reason": "Still leaking.", "duration_min": 90}
    for person, status in ((BAOAN_REGULATOR, 403), (Role.OPERATOR_MANAGER, 403), (Role.AUDITOR, 403)):
        assert Program(city, person).change("POST", f"{path}/prolongation", longer, seen=path).status_code == status
    assert regulator.send("POST", f"{path}/prolongation", longer).status_code == 428
    answer = regulator.change("POST", f"{path}/prolongation", longer, seen=path)
    assert (answer.status_code, answer.get_json()["planned_end_ms"]) == (200, city.time() + 90 * 60_000)
    shorter = regulator.change("POST", f"{path}/prolongation", longer | {"duration_min": 5}, seen=path)
    assert (shorter.status_code, shorter.get_json()["code"]) == (422, "emergency_not_longer")
    events = regulator.get(f"{path}/report").get_json()["events"]
    assert ("prolonged", "Still leaking.", "Regulator Person") in {
        (event["kind"], event["text"], event["who"]) for event in events
    }


def test_it_is_prolonged_at_the_board(city: City, declared: str) -> None:
    officer, here = Visitor(city, Role.REGULATOR), f"/desk/emergencies/{declared}"
    refused = officer.send(f"{here}/prolong", {"version": "1", "duration_min": "5", "reason": "gas"}, form_at=here)
    assert (refused.status_code, "It lasts as long already." in refused.text) == (422, True)
    sent = {"version": "1", "until_further_notice": "1", "reason": "still leaking"}
    assert officer.send(f"{here}/prolong", sent, form_at=here).status_code == 303
    page = officer.page(here)
    assert "not before somebody ends it" in page
    assert f"{here}/prolong" not in page, "it cannot last longer"


def test_the_form_says_who_would_be_told(city: City) -> None:
    city.store_position("NORTH-R1")
    officer, here = Visitor(city, Role.REGULATOR), "/desk/emergencies/new"

    def asked(**changes: str) -> dict[str, Any]:
        answer = officer.send("/desk/emergencies/told", FIELDS | changes, form_at=here)
        assert answer.status_code == 200
        found: dict[str, Any] = json.loads(answer.text)
        return found

    told = {"told": 1, "counts": {"inside": 1}, "rows": [{"id": "NORTH-R1", "concern": "inside"}]}
    assert asked() == asked(reason="", duration_min="") == told
    assert asked(**{"circle.lat": "22.6"}) == {"told": 0, "counts": {}, "rows": []}
    assert asked(**{"circle.lat": ""}) == {"told": None}
    assert (
        Visitor(city, Role.AUDITOR).send("/desk/emergencies/told", FIELDS, form_at="/desk/emergencies").status_code
        == 403
    )


def test_all_viewers_of_a_process_share_one_reading_a_second(city: City, declared: str) -> None:
    people = [Visitor(city, person) for person in (Role.REGULATOR, Role.AUDITOR, Role.OPERATOR_MANAGER)]
    url = f"/desk/emergencies/{declared}/board"

    def asked() -> set[int]:
        return {json.loads(person.page(url))["at_ms"] for person in people}

    first = city.time()
    assert asked() == {first}
    city.time.pass_ms(900)
    assert asked() == {first}
    city.time.pass_ms(100)
    with statements(city.engine) as read:
        assert asked() == {first + 1_000}
    assert sum("emergency_vehicles" in text and "ORDER BY" in text for text in read) == 1
    assert Visitor(city, SOUTH_MANAGER).client.get(url).status_code == 404


def test_one_directive_of_an_emergency_is_not_released_alone(city: City, declared: str) -> None:
    regulator = Program(city, Role.REGULATOR)
    (row,) = regulator.get("/directives?cause=emergency").get_json()["items"]
    path = f"/directives/{row['directive_id']}"
    answer = regulator.change("POST", f"{path}/release", {"reason": "r"}, seen=path)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "directive_of_emergency")
    page = Visitor(city, Role.REGULATOR).page(f"/desk{path}")
    assert f"{path}/release" not in page
    assert "until that is over" in page
    assert regulator.change("POST", f"/emergencies/{declared}/end", {"reason": "over"}, seen=f"/emergencies/{declared}")
    assert regulator.get(path).get_json()["release_owed"]
