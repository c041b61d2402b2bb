"""What the index says of time, height, missing values and impossible zones."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiLineString, Point, Polygon

from geofences.datum import VerticalReference
from geofences.errors import InvalidZone
from geofences.index import ZoneIndex
from geofences.schedule import Schedule
from geofences.zones import Containment, Datum, Unit, VerticalRelation, ZoneKind
from tests.geofences.cast import NOON_MS, POLAR_NIGHT, answers, at, band, build, points, square, zone

INSIDE, UNCERTAIN = Containment.INSIDE, Containment.UNCERTAIN
HOUR_MS = 3_600_000
HOME = at((50, 50))


def vertical(asked: Any, **band_of: Any) -> list[VerticalRelation]:
    limits = {"lower": 30.0, "upper": 120.0} | band_of
    index = build(zone(square(0, 0, 100), band=band(limits.pop("lower"), limits.pop("upper"), **limits)))
    return [VerticalRelation(code) for code in index.locate(asked).vertical.tolist()]


@pytest.mark.parametrize(
    ("altitude", "radius", "expected"),
    [
        (75.0, 5.0, VerticalRelation.INSIDE),
        (30.0, 0.0, VerticalRelation.INSIDE),
        (120.0, 0.0, VerticalRelation.INSIDE),
        (115.0, 5.0, VerticalRelation.INSIDE),
        (115.0, 5.1, VerticalRelation.UNCERTAIN),
        (35.0, 5.1, VerticalRelation.UNCERTAIN),
        (125.0, 5.0, VerticalRelation.UNCERTAIN),
        (125.1, 5.0, VerticalRelation.ABOVE),
        (24.9, 5.0, VerticalRelation.BELOW),
        (29.9, 0.0, VerticalRelation.BELOW),
        (75.0, 200.0, VerticalRelation.UNCERTAIN),
        (np.nan, 5.0, VerticalRelation.UNCERTAIN),
        (75.0, np.nan, VerticalRelation.UNCERTAIN),
        (500.0, np.nan, VerticalRelation.UNCERTAIN),
    ],
)
def test_altitudes_against_a_band_from_30_to_120(altitude: float, radius: float, expected: VerticalRelation) -> None:
    assert vertical(points(HOME, altitude_m=altitude, vertical_radius_m=radius)) == [expected]


@pytest.mark.parametrize(
    ("datum", "altitude", "expected"),
    [
        (0, 119.0, VerticalRelation.INSIDE),
        (1, 124.0, VerticalRelation.INSIDE),
        (1, 126.0, VerticalRelation.ABOVE),
        (2, 121.0, VerticalRelation.INSIDE),
        (2, 123.0, VerticalRelation.ABOVE),
        (-1, 75.0, VerticalRelation.UNCERTAIN),
    ],
)
def test_altitudes_are_read_in_the_datum_of_the_band(datum: int, altitude: float, expected: VerticalRelation) -> None:
    assert vertical(points(HOME, altitude_m=altitude, datum=datum)) == [expected]


def test_an_altitude_without_a_known_ground_is_uncertain_never_inside() -> None:
    volume = zone(square(0, 0, 100), band=band(30.0, 120.0))
    index = ZoneIndex.build([volume], VerticalReference())
    placement = index.locate(points(HOME * 2, altitude_m=75.0, datum=[1, 0]))
    assert placement.vertical.tolist() == [VerticalRelation.UNCERTAIN, VerticalRelation.INSIDE]


def test_limits_in_feet_and_open_limits() -> None:
    asked = points(HOME * 3, altitude_m=[100.0, 130.0, np.nan])
    inside, above, unknown = VerticalRelation.INSIDE, VerticalRelation.ABOVE, VerticalRelation.UNCERTAIN
    assert vertical(asked, lower=None, upper=400.0, unit=Unit.FOOT) == [inside, above, unknown]
    assert vertical(asked, lower=None, upper=None) == [inside, inside, unknown]
    assert vertical(asked, lower=120.0, upper=None)[0] is VerticalRelation.BELOW


def test_a_zone_without_a_band_does_not_ask_for_the_altitude() -> None:
    placement = build(zone(square(0, 0, 100))).locate(
        points(HOME, altitude_m=np.nan, datum=-1, vertical_radius_m=np.nan)
    )
    assert placement.vertical.tolist() == [VerticalRelation.INSIDE]


def test_each_point_is_placed_by_the_revision_in_force_at_its_own_time() -> None:
    first = zone(square(0, 0, 100), revision_id=1, starts_at_ms=1_000, ends_at_ms=2_000)
    second = zone(square(0, 0, 40), revision_id=2, starts_at_ms=2_000)
    asked = points(HOME * 4, timestamp_ms=[999, 1_000, 1_999, 2_000])
    assert answers(build(first, second).locate(asked)).keys() == {(1, 0), (2, 0)}


@pytest.mark.parametrize("radius", [1.0, 60.0, np.nan])
def test_a_zone_is_there_only_while_its_schedule_is_active(radius: float) -> None:
    hours = Schedule.from_dict(
        {"time_zone": "Asia/Shanghai", "windows": [{"days": ["ANY"], "start": "11:00", "end": "13:00"}]}
    )
    index = build(zone(square(0, 0, 100), schedule=hours), zone(square(0, 0, 100), "always"))
    asked = points(HOME * 3, radius, timestamp_ms=[NOON_MS - 2 * HOUR_MS, NOON_MS, NOON_MS + 2 * HOUR_MS])
    assert answers(index.locate(asked)).keys() == {(0, 1), (1, 0), (1, 1), (2, 1)}


@pytest.mark.parametrize("radius", [0.0, 60.0])
def test_a_zone_whose_hours_nobody_can_tell_is_at_best_uncertain(radius: float) -> None:
    index = build(zone(square(-100, -100, 300), schedule=POLAR_NIGHT), zone(square(-100, -100, 300), "always"))
    placement = index.locate(points(HOME, radius))
    assert placement.horizontal.tolist() == [UNCERTAIN, INSIDE]
    assert placement.unscheduled.tolist() == [True, False]


def test_a_point_of_unknown_accuracy_is_never_inside_and_uncertain_within_100_m() -> None:
    index = build(zone(square(0, 0, 100)))
    placement = index.locate(points(at((50, 50), (-90, 50), (-115, 50)), np.nan))
    assert placement.point.tolist() == [0, 1]
    assert placement.horizontal.tolist() == [UNCERTAIN, UNCERTAIN]


def test_a_circle_without_bound_is_uncertain_of_everything_in_force() -> None:
    index = build(zone(square(0, 0, 100)), zone(square(5_000, 0, 100)))
    assert index.locate(points(HOME, np.inf)).horizontal.tolist() == [UNCERTAIN, UNCERTAIN]


def test_a_road_is_as_wide_as_it_says_in_metres() -> None:
    index = build(zone(LineString(at((0, 0), (1_000, 0))), half_width_m=8.0))
    x, y = index.project(*np.array(at((500, 0))).T)
    line = index.metric.project(LineString(at((0, 0), (1_000, 0))))
    away = shapely.distance(line, shapely.points(x, y + 7.5))
    assert away == pytest.approx(7.5, abs=0.01)
    assert index.shapes[0].area == pytest.approx(16 * line.length + np.pi * 64, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "value"),
    [("lon", np.nan), ("lat", np.inf), ("radius_m", -1.0), ("vertical_radius_m", -0.1), ("altitude_datum", 3)],
)
def test_a_point_that_has_no_place_is_refused(change: str, value: float) -> None:
    asked = points(HOME)
    broken = dataclasses.replace(asked, **{change: np.full_like(getattr(asked, change), value)})
    with pytest.raises(ValueError, match=r"finite|negative|unknown"):
        build(zone(square(0, 0, 100))).locate(broken)


@pytest.mark.parametrize(
    ("geometry", "more", "reason"),
    [
        (Polygon(), {}, "empty"),
        (Point(*HOME[0]), {}, "neither a line nor an area"),
        (GeometryCollection([square(0, 0, 10)]), {}, "neither a line nor an area"),
        (Polygon(at((0, 0), (10, 10), (10, 0), (0, 10))), {}, "not valid"),
        (Polygon([(22.5, 113.9), (22.6, 113.9), (22.6, 113.8)]), {}, "swapped"),
        (Polygon([(213.9, 22.5), (213.9, 22.6), (213.8, 22.6)]), {}, "off the globe"),
        (LineString(at((0, 0), (10, 0))), {"half_width_m": None}, "half width"),
        (LineString(at((0, 0), (10, 0))), {"half_width_m": 0.0}, "half width"),
        (LineString(at((0, 0), (10, 0))), {"half_width_m": np.inf}, "half width"),
        (MultiLineString([at((0, 0), (0, 0))]), {"half_width_m": 5.0}, "no length"),
        (square(0, 0, 10), {"half_width_m": 5.0}, "only a line"),
        (square(0, 0, 10), {"band": band(120.0, 30.0)}, "lies above"),
        (shapely.transform(square(0, 0, 10), lambda lonlat: lonlat * np.inf), {}, "not a finite number"),
    ],
)
def test_a_zone_that_cannot_be_judged_against_is_refused_by_name(
    geometry: Any, more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidZone, match=f"zone broken, revision 1: .*{reason}"):
        build(zone(square(0, 0, 10)), zone(geometry, "broken", **more))


def test_zones_that_share_no_plane_are_refused() -> None:
    far = zone(Polygon([(117.2, 39.1), (117.21, 39.1), (117.2, 39.11)]), "tianjin")
    with pytest.raises(InvalidZone, match="too far from the others"):
        build(zone(square(0, 0, 100)), far)
    assert build(far).locate(points([(117.203, 39.103)], 4.0)).zone.tolist() == [0]
    poles = [zone(Polygon([(0, 85), (10, 85), (0, 89)]), "north")]
    with pytest.raises(InvalidZone, match="no common plane"):
        build(*poles)


def test_kinds_are_told_by_row() -> None:
    index = build(zone(square(0, 0, 10)), zone(square(0, 0, 10), kind=ZoneKind.RESTRICTED))
    assert index.of_kind({ZoneKind.RESTRICTED}).tolist() == [False, True]


def test_nothing_in_an_index_can_be_written_to() -> None:
    index = build(zone(square(0, 0, 100)), zone(square(10, 10, 100), band=band(0, 10, datum=Datum.AMSL)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        index.revisions = ()  # type: ignore[misc]  # that is the point
    arrays = [
        value
        for part in (index, index.columns, index.exact, *index.grids)
        for value in (getattr(part, name) for name in part.__slots__)
        if isinstance(value, np.ndarray)
    ]
    arrays += [ledger.rows for grid in index.grids for ledger in (grid.entries, grid.edge, grid.edges)]
    assert len(arrays) >= 15
    assert not any(array.flags.writeable for array in arrays)


def test_an_index_goes_on_answering_while_another_one_takes_its_place() -> None:
    old = build(zone(square(0, 0, 100)))
    before = answers(old.locate(points(HOME, 4.0)))
    build(zone(square(500, 500, 100)), zone(square(-500, 500, 100)))
    assert answers(old.locate(points(HOME, 4.0))) == before
