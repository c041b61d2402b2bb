"""Snapshots and zones over HTTP: shapes and ownership."""

from __future__ import annotations

import pytest
from shapely import Point
from shapely.geometry import shape

from app.models import Role
from tests.app.web.cast import PLACE_NAME, ROAD, City


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.OPERATOR_MANAGER, {"NORTH-R1", "NORTH-E1"}),
        (Role.REGULATOR, {"NORTH-R1", "NORTH-E1", "SOUTH-R1", "SOUTH-E1"}),
        (Role.ADMINISTRATOR, {"NORTH-R1", "NORTH-E1", "SOUTH-R1", "SOUTH-E1"}),
    ],
)
def test_an_operator_sees_its_own_fleet_and_the_city_all(city: City, role: Role, seen: set[str]) -> None:
    for vehicle_id in city.keys:
        city.observe(vehicle_id)
    city.store_alert("SOUTH-R1")
    city.feed().step()
    answer = city.logged_in(role).get("/api/v1/live")
    assert answer.mimetype == "application/geo+json"
    document = answer.get_json(force=True)
    assert document["type"] == "FeatureCollection"
    assert document["generated_at_ms"] == city.time()
    assert {feature["id"] for feature in document["features"]} == seen
    assert len(document["alerts"]) == int("SOUTH-R1" in seen)


def test_the_public_needs_no_login(city: City) -> None:
    city.observe("NORTH-R1")
    city.time.pass_ms(30_000)
    document = city.client().get("/api/v1/public/live").get_json(force=True)
    assert len(document["features"]) == 1


def test_zones_are_areas_and_on_request_lines(city: City) -> None:
    (zone,) = city.client().get("/api/v1/public/zones").get_json(force=True)["features"]
    assert zone["id"] == zone["properties"]["id"] == "QH-R-01"
    assert zone["properties"]["names"] == dict(zip(("zh", "en"), PLACE_NAME, strict=True))
    assert (zone["properties"]["kind"], zone["properties"]["half_width_m"]) == ("test_road", 10.0)
    area = shape(zone["geometry"])
    ten_metres_deg = 10 / 102_900  # of longitude, at 22.5 degrees north
    assert area.contains(Point(113.9 + 0.95 * ten_metres_deg, 22.525))
    assert not area.contains(Point(113.9 + 1.05 * ten_metres_deg, 22.525))
    (line,) = city.client().get("/api/v1/public/zones?centreline=1").get_json(force=True)["features"]
    assert shape(line["geometry"]).equals(ROAD)
    staff = city.client().get("/api/v1/zones", headers=city.bearer(Role.OPERATOR_MANAGER))
    assert staff.get_json(force=True)["features"] == [zone]


def test_errors_of_the_api_are_problem_details(city: City) -> None:
    answer = city.client().get("/api/v1/nothing")
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json(force=True)["status"] == 404
    assert city.client().post("/api/v1/public/live").status_code == 405
