"""Zones, zone files, jurisdictions and recognition over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.models import Role
from app.registry import DatabaseRegistry
from geofences.datum import VerticalReference
from tests.app.web.cast import BAOAN_REGULATOR, City
from tests.app.web.register_cast import Program

ZONE: dict[str, Any] = {
    "zone_id": "QH-R-02",
    "kind": "test_road",
    "name_zh": "听海大道",
    "name_en": "Tinghai Avenue",
    "geometry": {"type": "LineString", "coordinates": [[113.89, 22.52], [113.89, 22.53]]},
    "half_width_m": 9,
    "jurisdiction": "QH",
    "reason": "opened",
}
NEXT = {name: value for name, value in ZONE.items() if name != "zone_id"}
FILE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "geometry": ZONE["geometry"],
            "properties": {
                "zone_id": "QH-R-02",
                "kind": "test_road",
                "names": {"zh": "听海大道", "en": "Tinghai Avenue"},
                "half_width_m": 9,
            },
        }
    ],
}


@pytest.fixture
def regulator(city: City) -> Program:
    return Program(city, Role.REGULATOR)


@pytest.fixture
def administrator(city: City) -> Program:
    return Program(city, Role.ADMINISTRATOR)


def _import(city: City, document: object, **query: str) -> TestResponse:
    return city.client().post(
        "/api/v1/zone-imports",
        data=json.dumps(document),
        content_type="application/geo+json",
        query_string={"reason": "a file", **query},
        headers=city.bearer(Role.REGULATOR),
    )


def test_a_published_zone_is_what_the_next_snapshot_holds(city: City, regulator: Program) -> None:
    assert regulator.send("POST", "/zones", ZONE).status_code == 201
    drawn = {zone.zone_id: zone for zone in DatabaseRegistry(city.engine, VerticalReference()).snapshot().zones}
    assert (drawn["QH-R-02"].half_width_m, drawn["QH-R-02"].starts_at_ms) == (9.0, city.time())


def test_the_next_revision_needs_the_one_that_was_seen(regulator: Program) -> None:
    made = regulator.send("POST", "/zones", ZONE)
    assert made.mimetype == "application/geo+json"
    seen = made.headers["ETag"]
    assert regulator.send("POST", "/zones/QH-R-02/revisions", NEXT).status_code == 428
    assert regulator.send("POST", "/zones/QH-R-02/revisions", NEXT | {"half_width_m": 12}, seen).status_code == 201
    assert regulator.send("POST", "/zones/QH-R-02/revisions", NEXT, seen).status_code == 412
    assert regulator.send("POST", "/zones", ZONE).status_code == 409
    listed = regulator.get("/zones/QH-R-02/revisions").get_json()["features"]
    assert [each["properties"]["half_width_m"] for each in listed] == [9, 12]


def test_a_dry_run_tells_the_effects_and_publishes_nothing(regulator: Program) -> None:
    assert regulator.send("POST", "/zones?dry_run=true", ZONE).get_json() == {"permits": [], "vehicles": 0}
    assert regulator.get("/zones/QH-R-02").status_code == 404


def test_a_zone_ends_for_whoever_has_seen_it(city: City, regulator: Program) -> None:
    seen = regulator.send("POST", "/zones", ZONE).headers["ETag"]
    assert regulator.send("POST", "/zones/QH-R-02/end", {"reason": "works"}).status_code == 428
    city.time.pass_ms(1_000)
    assert regulator.send("POST", "/zones/QH-R-02/end", {"reason": "works"}, seen).status_code == 200
    city.time.pass_ms(1_000)
    assert regulator.get("/zones/QH-R-02").get_json()["properties"]["state"] == "ended"
    ended = regulator.get("/zone-register?state=ended").get_json()["features"]
    assert [each["id"] for each in ended] == ["QH-R-02"]


def test_a_regulator_publishes_in_its_own_jurisdiction_only(city: City, regulator: Program) -> None:
    neighbour = Program(city, BAOAN_REGULATOR)
    assert neighbour.send("POST", "/zones", ZONE).status_code == 403
    seen = regulator.send("POST", "/zones", ZONE).headers["ETag"]
    assert neighbour.send("POST", "/zones/QH-R-02/revisions", NEXT, seen).status_code == 403
    assert neighbour.send("POST", "/zones/QH-R-02/end", {"reason": "x"}, seen).status_code == 403
    assert regulator.get("/zones/QH-R-02/revisions").get_json()["features"][0]["properties"]["revision"] == 1


def test_bad_shapes_are_told_at_their_fields(regulator: Program) -> None:
    bow = [[113.9, 22.5], [113.91, 22.51], [113.91, 22.5], [113.9, 22.51], [113.9, 22.5]]
    wrong = {
        "geometry": {"type": "Polygon", "coordinates": [bow]},
        "band": {"lower": 120, "upper": 50},
        "schedule": {"time_zone": "Asia/Shanghai", "windows": [{"days": ["XXX"], "start": "8", "end": "9"}]},
        "speed_limit_mps": 3,
    }
    answer = regulator.send("POST", "/zones", ZONE | wrong)
    assert answer.status_code == 422
    told = {error["path"]: error["code"] for error in answer.get_json()["errors"]}
    assert told == {
        "geometry": "polygon_invalid",
        "band.upper": "band_upside_down",
        "band.datum": "datum_missing",
        "schedule": "schedule_invalid",
        "speed_limit_mps": "speed_limit_unwanted",
    }


def test_the_register_is_told_page_by_page(regulator: Program) -> None:
    regulator.send("POST", "/zones", ZONE)
    first = regulator.get("/zone-register?limit=1").get_json()
    second = regulator.get(f"/zone-register?limit=1&cursor={first['next_cursor']}").get_json()
    assert [page["features"][0]["id"] for page in (first, second)] == ["QH-R-01", "QH-R-02"]
    assert second["next_cursor"] is None


def test_a_file_is_checked_then_published_whole(city: City, regulator: Program) -> None:
    looked = _import(city, FILE, jurisdiction="QH", dry_run="true").get_json()
    assert (looked["published"], [each["state"] for each in looked["features"]]) == (0, ["new"])
    assert _import(city, FILE, jurisdiction="QH").status_code == 201
    assert regulator.get("/zones/QH-R-02").status_code == 200
    again = _import(city, FILE, jurisdiction="QH")
    assert (again.status_code, again.get_json()["code"]) == (422, "zone_file_changes_nothing")


def test_one_bad_feature_keeps_the_whole_file_out(city: City, regulator: Program) -> None:
    bad = {"type": "Feature", "geometry": ZONE["geometry"], "properties": {"zone_id": "B", "kind": "test_road"}}
    document = FILE | {"features": [*FILE["features"], bad]}
    assert _import(city, document, jurisdiction="QH").get_json()["code"] == "zone_file_has_problems"
    assert regulator.get("/zones/QH-R-02").status_code == 404
    problems = _import(city, document, jurisdiction="QH", dry_run="true").get_json()["features"][1]["problems"]
    assert {problem["path"] for problem in problems} == {"name_zh", "name_en", "half_width_m"}


def test_a_file_cannot_publish_for_somebody_else(city: City) -> None:
    elsewhere = _import(city, FILE, jurisdiction="BA", dry_run="true").get_json()["features"][0]
    assert [problem["code"] for problem in elsewhere["problems"]] == ["jurisdiction_not_yours"]


def test_the_export_is_what_the_import_reads(city: City, regulator: Program) -> None:
    regulator.send("POST", "/zones", ZONE)
    exported = regulator.get("/zone-file").get_json(force=True)
    read = _import(city, exported, dry_run="true").get_json()["features"]
    assert {each["zone_id"]: each["state"] for each in read} == {"QH-R-01": "unchanged", "QH-R-02": "unchanged"}


def test_an_administrator_sets_what_a_jurisdiction_demands(administrator: Program, regulator: Program) -> None:
    place = {"code": "NS", "name_zh": "南沙", "name_en": "Nansha", "number_prefix": "NS", "reason": "joined"}
    made = administrator.send("POST", "/jurisdictions", place)
    assert made.status_code == 201
    assert made.get_json()["thresholds"]["demonstration"]["min_hours"] == 240
    assert regulator.send("POST", "/jurisdictions", place).status_code == 403
    assert administrator.send("POST", "/jurisdictions", place).status_code == 409
    changed = {name: value for name, value in place.items() if name != "code"}
    changed |= {"thresholds": {"demonstration": {"min_hours": 100}}}
    assert administrator.send("PUT", "/jurisdictions/NS", changed).status_code == 428
    seen = made.headers["ETag"]
    answer = administrator.send("PUT", "/jurisdictions/NS", changed, seen)
    assert answer.get_json()["thresholds"]["demonstration"]["min_hours"] == 100
    assert administrator.send("PUT", "/jurisdictions/NS", changed, seen).status_code == 412
    unknown = administrator.send("PUT", "/jurisdictions/NS", changed | {"authority": "XX"}, answer.headers["ETag"])
    assert (unknown.status_code, unknown.get_json()["code"]) == (422, "organisation_unknown")


def test_recognition_is_decided_by_the_recognising_side(city: City, regulator: Program) -> None:
    decision = {"recogniser": "QH", "issuer": "BA", "stages": ["road_test"], "reason": "agreement", "seen": 0}
    assert Program(city, BAOAN_REGULATOR).send("POST", "/recognition", decision).status_code == 403
    made = regulator.send("POST", "/recognition", decision)
    assert (made.status_code, made.get_json()["is_newest"]) == (201, True)
    end = {"recogniser": "QH", "issuer": "BA", "reason": "it ended", "seen": made.get_json()["id"]}
    late = regulator.send("POST", "/recognition", decision)
    assert (late.status_code, late.get_json()["code"]) == (409, "conflict")
    assert regulator.send("POST", "/recognition/end", end).status_code == 201
    assert regulator.send("POST", "/recognition/end", end).status_code == 409
    newest = end | {"seen": regulator.get("/recognition").get_json()["items"][0]["id"]}
    assert regulator.send("POST", "/recognition/end", newest).get_json()["code"] == "not_recognised"
    del end["seen"]
    assert regulator.send("POST", "/recognition/end", end).get_json()["errors"][0]["path"] == "seen"
    listed = regulator.get("/recognition?recogniser=QH").get_json()["items"]
    assert [(each["stages"], each["is_newest"]) for each in listed] == [([], True), (["road_test"], False)]


@pytest.mark.parametrize(
    ("change", "path"), [({"issuer": "QH"}, ""), ({"stages": []}, "stages"), ({"stages": ["flying"]}, "stages.0")]
)
def test_bad_recognition_is_refused(regulator: Program, change: dict[str, Any], path: str) -> None:
    decision = {"recogniser": "QH", "issuer": "BA", "stages": ["road_test"], "reason": "agreement", "seen": 0}
    answer = regulator.send("POST", "/recognition", decision | change)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["path"] == path
