"""The shipped data set says what it is, holds what was promised, and is consistent in itself."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import pytest
import shapely
from shapely.geometry import LineString, Point, shape

from app.models import Stage
from app.services.conditions import Conditions
from app.showcase.plan import Fly, Patrol, Roam, data_file, shipped_register, shipped_zones
from app.simulator.muster import PLANE
from geofences.formats import read_zones
from geofences.zones import Datum, ZoneKind
from telemetry.samples import VehicleKind


def metric(feature: Mapping[str, Any]) -> shapely.Geometry:
    return shapely.transform(
        shape(feature["geometry"]), lambda points: [PLANE.point(lon, lat) for lon, lat in points.tolist()]
    )


def area(zone_id: str) -> shapely.Geometry:
    feature = shipped_zones()[zone_id]
    width_m = feature["properties"].get("half_width_m")
    return metric(feature).buffer(width_m) if width_m else metric(feature)


def zone_ids(kind: ZoneKind) -> list[str]:
    return [zone_id for zone_id, feature in shipped_zones().items() if feature["properties"]["kind"] == kind]


@pytest.mark.parametrize("name", ["zones.geojson", "basemap.geojson"])
def test_files_are_labelled_illustrative_in_both_languages(name: str) -> None:
    about = json.loads(data_file(name))["pilotage"]
    assert about["illustrative"] is True
    assert "示意" in about["title_zh"]
    assert "illustrative" in about["title_en"]


def test_the_register_is_labelled_illustrative() -> None:
    register = shipped_register()
    assert register.illustrative
    assert all("虚构" in organisation.name_zh for organisation in register.organisations)


def test_zones_can_be_read_without_a_problem() -> None:
    file = read_zones(data_file("zones.geojson"))
    assert file.problems == ()
    assert all(zone.names["zh"] and zone.names["en"] for zone in file.zones)
    assert len({zone.revision.zone_id for zone in file.zones}) == len(file.zones)


def test_there_are_as_many_places_as_promised() -> None:
    kinds = Counter(feature["properties"]["kind"] for feature in shipped_zones().values())
    assert kinds["test_road"] >= 12
    assert kinds["test_area"] == 1
    assert kinds["air_corridor"] == 3
    assert kinds["vertiport"] >= 4
    assert kinds["restricted"] == 2
    assert kinds["speed_limit"] == 1


def test_well_known_streets_are_there() -> None:
    names = {feature["properties"]["names"]["zh"] for feature in shipped_zones().values()}
    assert {"桂湾一路", "桂湾五路", "梦海大道", "听海大道", "前海大道", "临海大道", "怡海大道"} <= names
    assert {"航海路", "鲤鱼门西一街", "前湾一路", "妈湾大道", "月亮湾大道"} <= names


def test_everything_lies_around_qianhai() -> None:
    for zone_id, feature in shipped_zones().items():
        west, south, east, north = shape(feature["geometry"]).bounds
        assert 113.85 < west < east < 113.92, zone_id
        assert 22.50 < south < north < 22.56, zone_id


def test_roads_meet_so_that_every_road_reaches_every_other() -> None:
    roads_at: dict[tuple[float, ...], set[str]] = defaultdict(set)
    for zone_id in zone_ids(ZoneKind.TEST_ROAD):
        for vertex in shipped_zones()[zone_id]["geometry"]["coordinates"]:
            roads_at[tuple(vertex)].add(zone_id)
    reached, frontier = set[str](), {"road-qianhai"}
    while frontier:
        reached |= frontier
        frontier = {road for roads in roads_at.values() if roads & frontier for road in roads} - reached
    assert reached == set(zone_ids(ZoneKind.TEST_ROAD))


def test_roads_are_smooth_and_plausibly_wide() -> None:
    for zone_id in zone_ids(ZoneKind.TEST_ROAD):
        feature = shipped_zones()[zone_id]
        assert 8 <= feature["properties"]["half_width_m"] <= 20
        line = metric(feature)
        assert isinstance(line, LineString)
        assert line.is_simple
        assert all(
            shapely.distance(Point(a), Point(b)) < 120 for a, b in zip(line.coords, line.coords[1:], strict=False)
        )


def test_corridors_end_at_vertiports_whose_band_joins_theirs() -> None:
    ports = [shipped_zones()[zone_id] for zone_id in zone_ids(ZoneKind.VERTIPORT)]
    for zone_id in zone_ids(ZoneKind.AIR_CORRIDOR):
        corridor = shipped_zones()[zone_id]
        band = corridor["properties"]["band"]
        for end in shapely.get_coordinates(metric(corridor))[[0, -1]]:
            (port,) = [port for port in ports if metric(port).contains(Point(end))]
            assert port["properties"]["band"]["datum"] == band["datum"]
            assert port["properties"]["band"]["upper"] >= band["upper"]


def test_corridors_stay_below_controlled_airspace_and_use_both_datums() -> None:
    bands = [shipped_zones()[zone_id]["properties"]["band"] for zone_id in zone_ids(ZoneKind.AIR_CORRIDOR)]
    assert all(band["upper"] <= 120 for band in bands)
    assert {Datum(band["datum"]) for band in bands} == {Datum.AMSL, Datum.AGL}


def test_restricted_zones_are_thin_or_have_a_hole_and_touch_no_road() -> None:
    thin, ring = (area(zone_id) for zone_id in ("restricted-works", "restricted-port"))
    assert thin.buffer(-8).is_empty
    assert len(ring.interiors) == 1
    assert area("area-mawan").contains(thin)
    assert not any(area(road).intersects(thin | ring) for road in zone_ids(ZoneKind.TEST_ROAD))


def test_the_fleet_is_as_large_as_promised() -> None:
    register = shipped_register()
    kinds = Counter(vehicle.kind for vehicle in register.vehicles)
    assert kinds == {VehicleKind.ROAD: 40, VehicleKind.AIR: 10}
    operators = {vehicle.organisation for vehicle in register.vehicles}
    assert len(operators) == 3
    assert {permit.stage for permit in register.permits} >= {
        *(Stage.ROAD_TEST, Stage.DEMONSTRATION, Stage.DRIVERLESS_TEST, Stage.FLIGHT_TEST, Stage.ROUTE_PROVING)
    }


def test_permits_name_known_vehicles_and_zones_each_vehicle_once() -> None:
    register = shipped_register()
    holders = {vehicle.vehicle_id: vehicle.organisation for vehicle in register.vehicles}
    permitted = [vehicle_id for permit in register.permits for vehicle_id in permit.vehicles]
    assert len(permitted) == len(set(permitted))
    for permit in register.permits:
        assert {holders[vehicle_id] for vehicle_id in permit.vehicles} == {permit.holder}
        assert set(permit.zones) <= set(shipped_zones())
        Stage(permit.stage)
        conditions = Conditions.from_dict(permit.conditions)
        assert Conditions.from_dict(conditions.to_dict()) == conditions


def test_duties_stay_within_the_permit() -> None:
    register = shipped_register()
    for vehicle in register.vehicles:
        permit = register.permit_of(vehicle.vehicle_id)
        if permit is None:
            continue
        granted = shapely.union_all([area(zone_id) for zone_id in permit.zones])
        if isinstance(vehicle.duty, Roam):
            lines = [shipped_zones()[zone_id] for zone_id in vehicle.duty.roads]
            assert all(granted.contains(metric(line)) for line in lines), vehicle.vehicle_id
        if isinstance(vehicle.duty, Fly | Patrol):
            assert vehicle.duty.corridor in permit.zones


def test_crews_have_licences_and_one_licence_is_expired() -> None:
    register = shipped_register()
    licences = {officer.officer_id: officer for officer in register.officers}
    for vehicle in register.vehicles:
        assert licences[vehicle.officer_id].expires_in_days > 0
        assert licences[vehicle.officer_id].organisation == vehicle.organisation
    assert [officer.officer_id for officer in register.officers if officer.expires_in_days < 0] == ["SO-HJ-90"]


def test_crews_are_among_the_people_that_their_permit_names() -> None:
    register = shipped_register()
    organisation = {officer.officer_id: officer.organisation for officer in register.officers}
    naming = [permit for permit in register.permits if permit.officers]
    assert {vehicle_id[:2] for permit in naming for vehicle_id in permit.vehicles} == {"YL", "FL"}
    for permit in naming:
        assert {organisation[officer_id] for officer_id in permit.officers} == {permit.holder}
        crews = {vehicle.officer_id for vehicle in register.vehicles if vehicle.vehicle_id in permit.vehicles}
        assert crews <= set(permit.officers)


def test_the_base_map_has_what_a_city_plan_has() -> None:
    features = json.loads(data_file("basemap.geojson"))["features"]
    kinds = Counter(feature["properties"]["kind"] for feature in features)
    assert {"land", "water", "green", "district", "road_major", "road_minor", "place"} == set(kinds)
    districts = {
        feature["properties"]["name_zh"] for feature in features if feature["properties"]["kind"] == "district"
    }
    assert {"桂湾片区", "前湾片区", "妈湾片区"} <= districts
    labels = [feature["properties"] for feature in features if feature["properties"]["kind"] == "place"]
    assert all(label["name_zh"] and label["name_en"] and label["rank"] for label in labels)
    assert all(shape(feature["geometry"]).is_valid for feature in features)


def test_test_roads_are_drawn_on_land() -> None:
    features = json.loads(data_file("basemap.geojson"))["features"]
    sea = [metric(feature) for feature in features if feature["properties"].get("class") == "sea"]
    for zone_id in zone_ids(ZoneKind.TEST_ROAD):
        on_water_m = sum(metric(shipped_zones()[zone_id]).intersection(water).length for water in sea)
        assert on_water_m < 250, zone_id  # bridges over the rivers, no more


def test_a_recognised_permit_leads_across_the_border() -> None:
    register = shipped_register()
    across = {zone_id for zone_id, zone in shipped_zones().items() if zone["properties"]["jurisdiction"] == "CN-SZ-BA"}
    assert across
    recognised = {
        (each.issuer, stage) for each in register.recognitions if each.recogniser == "CN-SZ-BA" for stage in each.stages
    }
    permits = [permit for permit in register.permits if across & set(permit.zones)]
    assert permits
    assert {(permit.jurisdiction, permit.stage) for permit in permits} <= recognised
