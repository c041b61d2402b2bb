from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from shapely.geometry import LineString

from geofences.crossings import Barriers, Crossings, crossings
from geofences.placement import Points
from geofences.zones import Containment, ZoneKind, ZoneRevision
from tests.geofences.cast import NOON_MS, POLAR_NIGHT, at, band, build, points, square, unprojected, zone

CERTAIN, POSSIBLE = Containment.INSIDE, Containment.UNCERTAIN
Place = tuple[float, float]


def wall(name: str = "wall", **more: Any) -> ZoneRevision:
    """A restricted strip, half a metre thin, 200 m long, north to south across the origin."""
    given: dict[str, Any] = {"half_width_m": 0.25, "kind": ZoneKind.RESTRICTED} | more
    return zone(LineString(at((0, -100), (0, 100))), name, **given)


def cross(start: Place, end: Place, *zones: ZoneRevision, radius: float = 4.0, **more: Any) -> list[tuple[int, int]]:
    found = crossings(build(*zones or (wall(),)), points(at(start), radius, **more), points(at(end), radius, **more))
    return pairs(found)


def pairs(found: Crossings) -> list[tuple[int, int]]:
    return list(zip(found.zone.tolist(), found.certainty.tolist(), strict=True))


@pytest.mark.parametrize("half", [5.0, 15.0, 30.0, 300.0])
def test_nobody_jumps_over_a_thin_zone(half: float) -> None:
    assert cross((-half, 0), (half, 3)) == [(0, CERTAIN)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((-40, 0), (-5, 0)),
        ((-15, 101), (15, 101)),
        ((-300, 0), (-5, 0)),
        ((-15, 5_000), (15, 5_000)),
        ((50, 0), (50, 0)),
    ],
)
def test_a_way_that_does_not_meet_the_zone_is_not_listed(start: Place, end: Place) -> None:
    assert cross(start, end) == []


def test_a_circle_that_touches_the_zone_leaves_the_crossing_possible() -> None:
    assert cross((-20, 0), (4.0, 0)) == [(0, POSSIBLE)]
    assert cross((-3.0, 0), (20, 0)) == [(0, POSSIBLE)]


def test_a_way_that_could_have_passed_beside_the_zone_leaves_it_possible() -> None:
    assert cross((-20, 98), (20, 98), radius=4.0) == [(0, POSSIBLE)]
    assert cross((-20, 98), (20, 98), radius=1.0) == [(0, CERTAIN)]
    assert cross((-20, 98), (20, 98), radius=0.0) == [(0, CERTAIN)]


def test_unknown_accuracy_is_never_certain() -> None:
    assert cross((-20, 0), (20, 0), radius=np.nan) == [(0, POSSIBLE)]


def test_a_zone_that_holds_an_end_is_left_to_the_placement() -> None:
    area = zone(square(0, 0, 100), "area", kind=ZoneKind.RESTRICTED)
    assert cross((-20, 50), (20, 50), area) == []
    assert cross((20, 50), (120, 50), area) == []
    assert cross((20, 50), (80, 50), area) == []
    assert cross((-20, 50), (120, 50), area) == [(0, CERTAIN)]


@pytest.mark.parametrize(
    ("start", "end", "radius", "expected"),
    [
        (50, 60, 2, [(0, CERTAIN)]),
        (130, 140, 2, []),
        (10, 20, 2, []),
        (25, 60, 2, [(0, POSSIBLE)]),
        (10, 140, 2, [(0, POSSIBLE)]),
        (50, 60, np.nan, [(0, POSSIBLE)]),
        (np.nan, 60, 2, [(0, POSSIBLE)]),
        (50, np.nan, 2, [(0, POSSIBLE)]),
    ],
)
def test_heights_on_the_way_against_a_band_from_30_to_120(
    start: float, end: float, radius: float, expected: list[tuple[int, int]]
) -> None:
    index = build(wall(band=band(30, 120)))
    first = points(at((-20, 0)), 4.0, altitude_m=start, vertical_radius_m=radius)
    last = points(at((20, 0)), 4.0, altitude_m=end, vertical_radius_m=radius)
    assert pairs(crossings(index, first, last)) == expected


def test_the_zones_in_force_at_the_end_count() -> None:
    zones = [wall("old", ends_at_ms=NOON_MS), wall("new", starts_at_ms=NOON_MS)]
    index = build(*zones)
    first = points(at((-20, 0)) * 2, 4.0, timestamp_ms=NOON_MS - 1_000)
    last = points(at((20, 0)) * 2, 4.0, timestamp_ms=[NOON_MS - 1, NOON_MS])
    found = crossings(index, first, last)
    assert list(zip(found.segment, found.zone, strict=True)) == [(0, 0), (1, 1)]


def test_a_zone_whose_hours_nobody_can_tell_is_crossed_possibly() -> None:
    index = build(wall("maybe", schedule=POLAR_NIGHT), wall("sure"))
    found = crossings(index, points(at((-20, 0)), 4.0), points(at((20, 0)), 4.0))
    assert pairs(found) == [(0, POSSIBLE), (1, CERTAIN)]
    assert found.unscheduled.tolist() == [True, False]


def test_only_zones_of_the_kinds_asked_for_are_barriers() -> None:
    zones = [wall("road", kind=ZoneKind.TEST_ROAD), wall("wall")]
    assert cross((-20, 0), (20, 0), *zones) == [(1, CERTAIN)]
    first, last = points(at((-20, 0)), 4.0), points(at((20, 0)), 4.0)
    assert crossings(build(*zones), first, last, {ZoneKind.TEST_ROAD}).zone.tolist() == [0]


def test_no_barriers_and_no_segments() -> None:
    assert cross((-20, 0), (20, 0), wall(kind=ZoneKind.TEST_ROAD)) == []
    assert len(crossings(build(wall()), points([]), points([])).segment) == 0
    assert len(crossings(build(), points(at((0, 0))), points(at((0, 9)))).segment) == 0


def test_a_position_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        crossings(build(wall()), points([(np.nan, 22.5)]), points(at((0, 0))))


@pytest.mark.parametrize("seed", range(4))
def test_random_segments_agree_with_lines_against_areas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines = [LineString(at(*rng.uniform(-300, 300, (2, 2)))) for _ in range(12)]
    walls = [zone(line, f"wall-{row}", half_width_m=0.25, kind=ZoneKind.RESTRICTED) for row, line in enumerate(lines)]
    index = build(*walls)
    starts = rng.uniform(-350, 350, (400, 2))
    ends = starts + rng.normal(0, 1, (400, 2)) * rng.choice([0.1, 10, 60], (400, 1))
    first, last = points(unprojected(index, starts)), points(unprojected(index, ends))
    found = Barriers.of(index).crossings(first, last)
    assert list(zip(found.segment, found.zone, strict=True)) == sorted(met(index, first, last))


def met(index: Any, first: Points, last: Points) -> list[tuple[int, int]]:
    ends = zip(*index.project(first.lon, first.lat), *index.project(last.lon, last.lat), strict=True)
    ways = [LineString([(x, y), (u, v)]) for x, y, u, v in ends]
    return [
        (segment, row)
        for segment, way in enumerate(ways)
        for row, shape in enumerate(index.shapes)
        if way.intersects(shape) and not any(shape.intersects(end) for end in way.boundary.geoms)
    ]
