from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from shapely.geometry import LineString, MultiPolygon

from geofences.errors import UnreadableFile
from geofences.formats import ZoneFeature, read_zones, write_zones
from geofences.schedule import Schedule
from geofences.zones import FOREVER_MS, Datum, Unit, VerticalBand, ZoneKind
from tests.geofences.cast import at, square, zone

HOURS = Schedule.from_dict(
    {
        "time_zone": "Asia/Shanghai",
        "position": {"lon": 113.9, "lat": 22.5},
        "windows": [{"days": ["MON"], "start": "22:00", "end": {"event": "SR", "offset_min": -10}}],
    }
)
ROAD = ZoneFeature(
    zone(
        LineString(at((0, 0), (100, 0))),
        "guiwan-1",
        kind=ZoneKind.TEST_ROAD,
        half_width_m=9.5,
        schedule=HOURS,
        starts_at_ms=1_732_161_600_123,
        authority="前海管理局",
        jurisdiction="Qianhai",
    ),
    {"zh": "桂湾一路", "en": "Guiwan 1st Road"},
    "illustrative",
)
CORRIDOR = ZoneFeature(
    zone(
        square(0, 0, 300).difference(square(100, 100, 50)),
        "corridor",
        revision_id=2,
        kind=ZoneKind.AIR_CORRIDOR,
        band=VerticalBand(100.0, None, Datum.AMSL, Unit.FOOT),
        ends_at_ms=1_800_000_000_000,
    )
)
SCHOOL = ZoneFeature(
    zone(
        MultiPolygon([square(0, 0, 10), square(50, 0, 10)]),
        "school",
        revision_id=3,
        kind=ZoneKind.SPEED_LIMIT,
        speed_limit_mps=8.3,
    )
)


def document(**change: Any) -> bytes:
    """A file of a good, a changed and another good feature. `geometry` is replaced, the rest are properties."""
    data = json.loads(write_zones([CORRIDOR, ROAD, SCHOOL]))
    feature = data["features"][1]
    feature["geometry"].update(change.pop("geometry", {}))
    feature["properties"].update(change)
    return json.dumps(data).encode()


def test_what_is_written_is_read_back() -> None:
    file = read_zones(write_zones([ROAD, CORRIDOR, SCHOOL]))
    assert file.problems == ()
    assert file.zones == (ROAD, CORRIDOR, SCHOOL)
    assert file.zones[0].revision.ends_at_ms == FOREVER_MS


def test_revisions_are_numbered_by_place_from_a_given_start() -> None:
    assert [one.revision.revision_id for one in read_zones(document(), first_revision_id=40).zones] == [40, 41, 42]


def test_a_byte_order_mark_is_tolerated() -> None:
    assert read_zones(b"\xef\xbb\xbf" + write_zones([ROAD])).zones == (ROAD,)


def ring(*metres: tuple[float, float]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(place) for place in at(*metres)]]}


AREA = {"half_width_m": None}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"geometry": {"coordinates": [[22.5, 113.9], [22.6, 113.9]]}}, "swapped"),
        ({"geometry": {"coordinates": [[float("nan"), 22.5], [113.9, 22.6]]}}, "not a finite number"),
        ({"geometry": {"coordinates": [[113.9, 22.5, 30.0], [113.9, 22.6, 30.0]]}}, "not a pair"),
        ({"geometry": {"coordinates": [["113.9", 22.5], [113.9, 22.6]]}}, "finite|pair"),
        ({"geometry": {"coordinates": []}}, "missing"),
        ({"geometry": {"coordinates": [[213.9, 22.5], [113.9, 22.6]]}}, "off the globe"),
        ({"geometry": {"type": "Nowhere"}}, "unreadable geometry"),
        ({"geometry": {"type": "Point", "coordinates": [113.9, 22.5]}}, "neither a line nor an area"),
        ({"geometry": ring((0, 0), (10, 10), (10, 0), (0, 10), (0, 0)), **AREA}, "Self-intersection"),
        ({"geometry": ring((0, 0), (10, 10), (10, 0)), **AREA}, "not closed"),
        ({"geometry": ring((0, 0), (10, 10), (20, 20), (0, 0)), **AREA}, "not valid|no area"),
        ({"geometry": {"type": "Polygon", "coordinates": [[113.9, 22.5], [113.9, 22.6]]}, **AREA}, "not closed"),
        ({"geometry": {"type": "Polygon", "coordinates": [113.9, 22.5]}, **AREA}, "unreadable"),
        ({"half_width_m": None}, "half width"),
        ({"half_width_m": "9"}, "half_width_m is not a finite number"),
        ({"half_width": 9.0}, "unknown properties: half_width"),
        ({"kind": "motorway"}, "kind 'motorway' is not one of"),
        ({"kind": ["restricted"]}, "kind"),
        ({"zone_id": " "}, "zone_id"),
        ({"zone_id": 7}, "zone_id"),
        ({"zone_id": "school"}, "same time"),
        ({"starts_at": "2024-11-01"}, "no offset"),
        ({"starts_at": "soon"}, "ISO 8601"),
        ({"starts_at": 1_732_161_600_000}, "ISO 8601"),
        ({"ends_at": "1999-01-01T00:00:00Z"}, "ends before it starts"),
        ({"band": {"lower": 10, "upper": 5, "datum": "AGL"}}, "lies above"),
        ({"band": {"lower": 10, "upper": 50}}, "datum"),
        ({"band": {"lower": 10, "upper": 50, "datum": "AGL", "unit": "mm"}}, "unit"),
        ({"band": {"lower": 10, "top": 50, "datum": "AGL"}}, "unknown properties of band"),
        ({"band": [10, 50]}, "band"),
        ({"schedule": {"time_zone": "Asia/Nowhere", "windows": []}}, "unknown time zone"),
        ({"speed_limit_mps": 8.3}, "speed_limit_mps"),
        ({"kind": "speed_limit"}, "speed_limit_mps"),
        ({"kind": "speed_limit", "speed_limit_mps": 0}, "not positive"),
        ({"names": "桂湾一路"}, "names"),
    ],
)
def test_a_bad_feature_is_named_by_its_place_and_costs_no_other(change: dict[str, Any], reason: str) -> None:
    file = read_zones(document(**change))
    bad = 2 if change.get("zone_id") == "school" else 1
    assert [problem.feature for problem in file.problems] == [bad]
    assert file.problems[0].code == "invalid_zone"
    assert any(word in file.problems[0].message for word in reason.split("|"))
    assert len(file.zones) == 2


def test_successive_revisions_of_one_zone_may_share_a_file() -> None:
    first = dataclasses.replace(ROAD.revision, ends_at_ms=1_800_000_000_000)
    second = dataclasses.replace(ROAD.revision, revision_id=2, starts_at_ms=1_800_000_000_000)
    file = read_zones(write_zones([ZoneFeature(first), ZoneFeature(second)]))
    assert [one.revision for one in file.zones] == [first, second]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"zones",
        b"\xff\xfe{}",
        b"[]",
        b'{"type": "Feature"}',
        b'{"type": "FeatureCollection"}',
        b'{"type": "FeatureCollection", "features": {}}',
        b'{"type": "FeatureCollection", "crs": {"properties": {"name": "EPSG:3857"}}, "features": []}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_feature_collection_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        read_zones(data)


def test_features_that_are_no_features_are_problems() -> None:
    file = read_zones(b'{"type": "FeatureCollection", "features": [1, null, {"type": "Feature"}, {"type": "Point"}]}')
    assert [problem.feature for problem in file.problems] == [0, 1, 2, 3]
    assert file.zones == ()
