"""The desk's pages of zones, files, jurisdictions and recognition: their forms keep what was typed."""

from __future__ import annotations

import html
import io
import json
import re

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from werkzeug.test import TestResponse

from app.audit import Subject, record
from app.database import changing_session
from app.models import Role
from app.services.jurisdictions import jurisdiction_by_code
from app.services.users import user_by_email
from tests.app.web.cast import BAOAN_REGULATOR, PEOPLE, City
from tests.app.web.register_cast import multipart

LINE = json.dumps({"type": "LineString", "coordinates": [[113.89, 22.52], [113.89, 22.53]]})
AREA = {"type": "Polygon", "coordinates": [[[113.89, 22.52], [113.9, 22.52], [113.9, 22.53], [113.89, 22.52]]]}
FIELDS = {
    "zone_id": "QH-S-1",
    "kind": "speed_limit",
    "name_zh": "学校",
    "name_en": "School",
    "geometry": LINE,
    "half_width_m": "8",
    "band.lower": "",
    "band.upper": "",
    "band.datum": "",
    "band.unit": "m",
    "speed_limit_kmh": "30",
    "schedule": "",
    "authority": "",
    "jurisdiction": "QH",
    "starts_at_ms": "",
    "ends_at_ms": "",
    "reason": "school term",
}
OLD = {**FIELDS, "zone_id": "", "kind": "test_road", "speed_limit_kmh": "", "jurisdiction": "", "existing": "QH-R-01"}


class Person:
    """Somebody at the desk, whose forms carry their token."""

    def __init__(self, city: City, person: Role | str) -> None:
        self.client: FlaskClient = city.logged_in(person)
        self.client.set_cookie("language", "en")
        with self.client.session_transaction() as session:
            self.token = str(session.setdefault("csrf_token", "t" * 32))

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, **fields: object) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token, **fields}, follow_redirects=False)


@pytest.fixture
def regulator(city: City) -> Person:
    return Person(city, Role.REGULATOR)


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    assert found is not None, name
    return html.unescape(found[1])


def test_a_drawn_zone_is_published_and_shown(regulator: Person) -> None:
    answer = regulator.post("/desk/zone-editor", **FIELDS)
    assert (answer.status_code, answer.location) == (303, "/desk/zones/QH-S-1")
    page = regulator.get("/desk/zones/QH-S-1").text
    assert "30 km/h" in page
    assert "school term" in page
    assert "QH-S-1" in regulator.get("/desk/zones?kind=speed_limit").text
    assert "QH-S-1" not in regulator.get("/desk/zones?kind=test_road").text


def test_what_was_typed_is_shown_again_with_what_is_wrong(regulator: Person) -> None:
    answer = regulator.post(
        "/desk/zone-editor", **FIELDS | {"speed_limit_kmh": "fast", "name_en": "", "half_width_m": ""}
    )
    assert answer.status_code == 422
    assert _value(answer.text, "speed_limit_kmh") == "fast"
    assert str(escape(LINE)) in answer.text
    assert "A number is needed." in answer.text
    assert "A line needs its half width in metres." in answer.text


def test_whoever_is_overtaken_is_told_and_keeps_what_was_typed(regulator: Person) -> None:
    seen = _value(regulator.get("/desk/zones/QH-R-01/edit").text, "seen")
    first = regulator.post("/desk/zones/QH-R-01/edit", **OLD | {"seen": seen, "name_en": "First"})
    assert first.status_code == 303
    late = regulator.post("/desk/zones/QH-R-01/edit", **OLD | {"seen": seen, "name_en": "Second"})
    assert late.status_code == 409
    assert "Revision 2 was published meanwhile" in late.text
    assert _value(late.text, "name_en") == "Second"
    again = regulator.post("/desk/zones/QH-R-01/edit", **OLD | {"seen": _value(late.text, "seen"), "name_en": "Second"})
    assert again.status_code == 303
    assert "Second" in regulator.get("/desk/zones/QH-R-01").text


def test_the_check_tells_problems_outline_and_effects_at_once(regulator: Person) -> None:
    good = regulator.post("/desk/zone-editor/check", **FIELDS).get_json()
    assert (good["problems"], good["general"], good["effects"]["permits"]) == ({}, "", [])
    assert good["outline"]["geometry"]["type"] == "Polygon"
    assert good["outline"]["measure"] == "1.107 km"
    bad = regulator.post("/desk/zone-editor/check", **FIELDS | {"zone_id": "QH-R-01", "reason": ""}).get_json()
    assert set(bad["problems"]) == {"reason"}
    assert bad["outline"] is not None
    assert regulator.get("/desk/zones/QH-S-1").status_code == 404


@pytest.mark.parametrize(
    "ring",
    [
        pytest.param([[113.8, 22.5], [113.9, 22.6], [113.9, 22.5], [113.8, 22.6], [113.8, 22.5]], id="crossing"),
        pytest.param([[113.89, 22.52], [113.9, 22.52], [113.91, 22.52], [113.89, 22.52]], id="flat"),
        pytest.param([[22.52, 113.89], [22.53, 113.89], [22.53, 113.9], [22.52, 113.89]], id="swapped"),
    ],
)
def test_the_check_answers_whatever_was_drawn(regulator: Person, ring: list[list[float]]) -> None:
    shape = {"geometry": json.dumps({"type": "Polygon", "coordinates": [ring]}), "half_width_m": ""}
    answer = regulator.post("/desk/zone-editor/check", **FIELDS | shape)
    assert answer.status_code == 200
    found = answer.get_json()
    assert (set(found["problems"]), found["outline"]) == ({"geometry"}, None)


def test_what_starts_later_is_not_said_to_act_at_once(regulator: Person) -> None:
    regulator.post("/desk/zone-editor", **FIELDS | {"starts_at_ms": "2199-01-01T08:00"})
    assert "It takes over when it starts." in regulator.get("/desk/zones/QH-S-1").text


def test_a_circle_is_round_in_metres(regulator: Person) -> None:
    ring = regulator.get("/desk/zone-editor/circle?lat=22.52&lon=113.9&radius_m=25").get_json()["ring"]
    assert ring[0] == ring[-1]
    assert len(ring) == 65
    assert regulator.get("/desk/zone-editor/circle?lat=x&lon=113.9&radius_m=25").status_code == 422


def test_another_jurisdictions_regulator_only_looks(city: City, regulator: Person) -> None:
    regulator.post("/desk/zone-editor", **FIELDS)
    neighbour = Person(city, BAOAN_REGULATOR)
    assert "New revision" not in neighbour.get("/desk/zones/QH-S-1").text
    assert neighbour.get("/desk/zones/QH-S-1/edit").status_code == 403
    seen = _value(regulator.get("/desk/zones/QH-S-1/edit").text, "seen")
    fields = {name: value for name, value in FIELDS.items() if name != "zone_id"}
    assert neighbour.post("/desk/zones/QH-S-1/edit", **fields | {"seen": seen}).status_code == 403
    assert neighbour.post("/desk/zone-editor", **FIELDS | {"zone_id": "QH-S-2"}).status_code == 403
    assert neighbour.post("/desk/zone-editor/check", **FIELDS | {"zone_id": "QH-S-2"}).status_code == 403
    assert regulator.get("/desk/zones/QH-S-2").status_code == 404


def test_a_zone_ends_with_a_reason(city: City, regulator: Person) -> None:
    regulator.post("/desk/zone-editor", **FIELDS)
    seen = _value(regulator.get("/desk/zones/QH-S-1").text, "seen")
    city.time.pass_ms(1_000)
    assert "This field is needed." in regulator.post("/desk/zones/QH-S-1/end", seen=seen, reason="").text
    assert regulator.post("/desk/zones/QH-S-1/end", seen=seen, reason="holidays").status_code == 303
    city.time.pass_ms(1_000)
    assert "Ended" in regulator.get("/desk/zones/QH-S-1").text


def test_two_revisions_are_compared_side_by_side(regulator: Person) -> None:
    seen = _value(regulator.get("/desk/zones/QH-R-01/edit").text, "seen")
    regulator.post("/desk/zones/QH-R-01/edit", **OLD | {"seen": seen, "half_width_m": "12"})
    page = regulator.get("/desk/zones/QH-R-01/compare").text
    assert "<del>10 m</del>" in page
    assert "<ins>12 m</ins>" in page
    assert regulator.get("/desk/zones/QH-R-01/compare?before=99&after=-3").status_code == 200


def _file(*features: object) -> tuple[io.BytesIO, str]:
    return io.BytesIO(json.dumps({"type": "FeatureCollection", "features": features}).encode()), "../../etc/zones"


def _feature(zone_id: str, **properties: object) -> dict[str, object]:
    given = {"zone_id": zone_id, "kind": "test_area", "name_zh": "场", "name_en": "Yard", **properties}
    return {"type": "Feature", "geometry": AREA, "properties": given}


def test_a_file_is_looked_at_before_all_of_it_is_published(regulator: Person) -> None:
    read = regulator.post("/desk/zone-import", file=_file(_feature("QH-A-1"), _feature("QH-A-2")), jurisdiction="QH")
    assert read.status_code == 303
    preview = regulator.get(read.location).text
    assert "QH-A-1" in preview
    assert regulator.get("/desk/zones/QH-A-1").status_code == 404
    assert regulator.post(read.location, reason="").status_code == 422
    assert regulator.post(read.location, reason="a park").status_code == 303
    assert [regulator.get(f"/desk/zones/QH-A-{n}").status_code for n in (1, 2)] == [200, 200]
    assert regulator.get(read.location).status_code == 404


def test_a_file_with_a_problem_is_never_published(regulator: Person) -> None:
    read = regulator.post(
        "/desk/zone-import", file=_file(_feature("QH-A-1"), _feature("QH-A-1", widht=3)), jurisdiction="QH"
    )
    preview = regulator.get(read.location).text
    assert "This field is not known." in preview
    assert regulator.post(read.location, reason="a park").status_code == 422
    assert regulator.get("/desk/zones/QH-A-1").status_code == 404


def test_a_draft_is_its_readers_alone(city: City, regulator: Person) -> None:
    read = regulator.post("/desk/zone-import", file=_file(_feature("QH-A-1")), jurisdiction="QH")
    neighbour = Person(city, BAOAN_REGULATOR)
    assert neighbour.get(read.location).status_code == 404
    assert neighbour.post(read.location, reason="x").status_code in {404, 422}
    assert neighbour.post(f"{read.location}/drop").status_code == 404
    assert regulator.post(f"{read.location}/drop").status_code == 303
    assert regulator.get(read.location).status_code == 404


def test_a_draft_is_no_way_around_a_jurisdiction_that_was_taken_away(city: City, regulator: Person) -> None:
    read = regulator.post("/desk/zone-import", file=_file(_feature("QH-A-1")), jurisdiction="QH")
    with changing_session(city.engine) as session:
        user = user_by_email(session, PEOPLE[Role.REGULATOR])
        user.jurisdictions = [jurisdiction_by_code(session, "BA")]
        record(session, "user.changed", Subject("user", user.email), actor=None, now_ms=city.time())
    assert regulator.post(read.location, reason="a park").status_code == 403
    assert regulator.get("/desk/zones/QH-A-1").status_code == 404


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"{}", b"<html>"])
def test_what_is_no_zone_file_is_told_so(regulator: Person, content: bytes) -> None:
    answer = regulator.post("/desk/zone-import", file=(io.BytesIO(content), "a.geojson"), jurisdiction="QH")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_a_file_that_is_too_large_is_refused(regulator: Person) -> None:
    body, content_type = multipart(regulator.token, b" " * 11_000_000, "a.geojson")
    answer = regulator.client.post("/desk/zone-import", data=body, content_type=content_type)
    assert answer.status_code == 413


def test_the_export_is_a_download(regulator: Person) -> None:
    answer = regulator.get("/desk/zone-file.geojson")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.get_json(force=True)["features"][0]["properties"]["zone_id"] == "QH-R-01"


def test_an_administrator_changes_what_a_jurisdiction_demands(city: City) -> None:
    administrator = Person(city, Role.ADMINISTRATOR)
    page = administrator.get("/desk/jurisdictions/of/QH/edit").text
    fields = {
        "name_zh": "前海",
        "name_en": "Qianhai",
        "number_prefix": "QH",
        "authority": "NORTH",
        "version": _value(page, "version"),
        "reason": "new rules",
        "thresholds.demonstration.min_hours": "120",
    }
    assert administrator.post("/desk/jurisdictions/of/QH/edit", **fields).status_code == 303
    shown = administrator.get("/desk/jurisdictions/of/QH").text
    assert "120 h" in shown
    assert "North Mobility" in shown
    late = administrator.post("/desk/jurisdictions/of/QH/edit", **fields | {"name_en": "Late"})
    assert late.status_code == 409
    assert _value(late.text, "name_en") == "Late"


def test_recognition_is_decided_seen_and_ended(city: City, regulator: Person) -> None:
    assert "not recognised" in regulator.get("/desk/recognition").text
    path = "/desk/recognition/QH/BA"
    assert regulator.post(path, seen="0", reason="agreement").status_code == 422
    decided = regulator.post(path, seen="0", reason="agreement", stages=["road_test", "demonstration"])
    assert decided.status_code == 303
    late = regulator.post(path, seen="0", reason="again", stages=["road_test"])
    assert late.status_code == 409
    matrix = regulator.get("/desk/recognition").text
    assert "agreement" in matrix
    seen = _value(regulator.get(path).text, "seen")
    assert regulator.post(f"{path}/end", seen=seen, reason="it ended").status_code == 303
    assert "No longer recognised." in regulator.get("/desk/recognition").text
    assert Person(city, BAOAN_REGULATOR).get(path).status_code == 403
