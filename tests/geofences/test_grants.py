from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely
from shapely.geometry import LineString, Polygon

from geofences.grants import Grants, GrantStatus
from geofences.index import ZoneIndex
from geofences.placement import Points
from geofences.zones import Containment, ZoneRevision
from tests.geofences.cast import (
    CITY,
    POLAR_NIGHT,
    at,
    band,
    build,
    plain_containment,
    points,
    random_zone,
    square,
    unprojected,
    zone,
)

OUTSIDE, BELOW, ABOVE = GrantStatus.OUTSIDE, GrantStatus.BELOW, GrantStatus.ABOVE
UNCERTAIN, INSIDE = GrantStatus.UNCERTAIN, GrantStatus.INSIDE


def judge(asked: Points, *zones: ZoneRevision, granted: str = "") -> list[tuple[GrantStatus, int]]:
    index = build(*zones)
    ids = frozenset(granted.split() or [one.zone_id for one in zones])
    verdict = Grants.of(index, [ids]).judge(asked, index.locate(asked), np.zeros(len(asked), dtype=np.int64))
    return [(GrantStatus(s), int(r)) for s, r in zip(verdict.status, verdict.revision, strict=True)]


def statuses(*args: Any, **more: Any) -> list[GrantStatus]:
    return [status for status, _ in judge(*args, **more)]


WEST, EAST = zone(square(0, 0, 100), "west"), zone(square(100, 0, 100), "east")


def test_from_one_road_into_the_next_is_inside_even_where_the_circle_covers_both_edges() -> None:
    way = points(at(*((x, 50) for x in range(90, 111))), 6.0)
    assert set(statuses(way, WEST, EAST)) == {INSIDE}
    assert statuses(way, WEST, EAST, granted="west")[10] is UNCERTAIN


def test_roads_that_cross_and_roads_that_join_end_to_end() -> None:
    main = zone(LineString(at((0, 0), (200, 0), (400, 20))), "main", half_width_m=10.0)
    side = zone(LineString(at((200, 0), (200, 300))), "side", half_width_m=10.0)
    onward = zone(LineString(at((400, 20), (700, 20))), "onward", half_width_m=10.0)
    turn = [(x, 0) for x in range(100, 200, 5)] + [(200, y) for y in range(0, 200, 5)]
    straight = [(200 + 2 * x, x / 5) for x in range(100)] + [(x, 20) for x in range(400, 600, 5)]
    assert set(statuses(points(at(*turn, *straight), 5.0), main, side, onward)) == {INSIDE}


def test_neighbours_digitised_to_seven_decimals_have_no_gap() -> None:
    middle = [(100 + 3 * np.sin(y), float(y)) for y in range(0, 101, 10)]
    west = Polygon(np.round(at((0, 0), *middle[::2], (0, 100)), 7))
    east = Polygon(np.round(at((200, 0), (200, 100), *middle[::-2]), 7))
    seam = shapely.line_interpolate_point(
        shapely.LineString(at(*middle[::2])), np.linspace(0.1, 0.9, 50), normalized=True
    )
    asked = points(shapely.get_coordinates(seam), 2.0)
    assert set(statuses(asked, zone(west, "west"), zone(east, "east"))) == {INSIDE}


def test_a_zone_that_may_not_be_in_force_grants_nothing_for_certain() -> None:
    maybe = replace(EAST, schedule=POLAR_NIGHT)
    way = points(at((50, 50), (96, 50), (110, 50)), 5.0)
    assert statuses(way, WEST, maybe) == [INSIDE, UNCERTAIN, UNCERTAIN]
    assert statuses(way, WEST, maybe, EAST) == [INSIDE, INSIDE, INSIDE]
    index = build(WEST, maybe)
    verdict = Grants.of(index, [frozenset({"west"}), frozenset({"west", "east"})]).judge(
        way, index.locate(way), np.array([1, 0, 1])
    )
    assert verdict.unscheduled.tolist() == [False, False, True]


def test_unions_outlive_the_index_they_were_made_in_and_no_change_of_their_zones() -> None:
    seam, ids = points(at((100, 50)), 5.0), [frozenset({"west", "east"})]
    index = build(WEST, EAST)
    grants = Grants.of(index, ids)
    first = grants.judge(seam, index.locate(seam), np.array([0]))
    for zones, expected in (
        ([zone(square(900, 900, 9), "new"), WEST, EAST], INSIDE),
        ([WEST, zone(square(101, 0, 100), "east")], UNCERTAIN),
        ([zone(square(101, 0, 100), "east"), WEST], UNCERTAIN),
        ([WEST, EAST], INSIDE),
    ):
        index = ZoneIndex.build(zones, CITY, previous=index)
        before, grants = grants, Grants.of(index, ids, grants)
        assert grants.judge(seam, index.locate(seam), np.array([0])).status.tolist() == [expected]
        assert grants.unions is before.unions
    assert first.status.tolist() == [INSIDE]


def test_a_real_gap_between_zones_is_not_closed() -> None:
    apart = zone(square(101, 0, 100), "apart")
    assert statuses(points(at((99, 50), (100.5, 50)), [4.0, 0.1]), WEST, apart) == [UNCERTAIN, OUTSIDE]


def test_zones_of_different_bands_do_not_unite() -> None:
    low = zone(square(0, 0, 100), "low", band=band(0, 60))
    high = zone(square(100, 0, 100), "high", band=band(60, 120))
    assert statuses(points(at((100, 50)), 6.0, altitude_m=60.0), low, high) == [UNCERTAIN]
    same = zone(square(100, 0, 100), "same", band=band(0, 60))
    assert statuses(points(at((100, 50)), 6.0, altitude_m=60.0), low, same) == [INSIDE]


def test_inside_one_volume_across_and_another_one_up_is_inside_neither() -> None:
    low = zone(square(0, 0, 100), "low", band=band(0, 60))
    high = zone(square(200, 0, 100), "high", band=band(60, 120))
    asked = points(at((50, 50), (250, 50)), 4.0, altitude_m=[90.0, 30.0])
    assert judge(asked, low, high) == [(ABOVE, 0), (BELOW, 1)]


@pytest.mark.parametrize(
    ("altitude", "radius", "expected"),
    [
        (30, 1, INSIDE),
        (90, 1, ABOVE),
        (-5, 1, BELOW),
        (60, 3, UNCERTAIN),
        (np.nan, 1, UNCERTAIN),
        (30, np.nan, UNCERTAIN),
    ],
)
def test_vertical_answers_on_the_seam_are_those_of_the_union(
    altitude: float, radius: float, expected: GrantStatus
) -> None:
    west, east = (zone(square(x, 0, 100), name, band=band(0, 60)) for x, name in ((0, "west"), (100, "east")))
    for place in ((50, 50), (100, 50), (97, 50)):
        asked = points(at(place), 6.0, altitude_m=altitude, vertical_radius_m=radius)
        assert statuses(asked, west, east) == [expected]


def test_the_best_band_wins_and_above_wins_over_below() -> None:
    stack = [zone(square(0, 0, 100), f"level-{low}", band=band(low, low + 30)) for low in (0, 60, 120)]
    asked = points(at((50, 50)) * 5, 4.0, altitude_m=[15.0, 75.0, 45.0, 200.0, -9.0])
    assert judge(asked, *stack) == [(INSIDE, 0), (INSIDE, 1), (ABOVE, 0), (ABOVE, 0), (BELOW, 0)]


def test_a_certain_height_at_an_uncertain_place_is_uncertain() -> None:
    low = zone(square(0, 0, 100), "low", band=band(0, 60))
    assert statuses(points(at((0, 50)), 4.0, altitude_m=90.0), low) == [UNCERTAIN]


def test_what_is_not_granted_does_not_count() -> None:
    assert judge(points(at((50, 50), (150, 50)), 4.0), WEST, EAST, granted="east unknown") == [
        (OUTSIDE, -1),
        (INSIDE, 1),
    ]


def test_each_point_has_its_own_grant_and_minus_one_grants_nothing() -> None:
    index = build(WEST, EAST)
    grants = Grants.of(index, [frozenset({"west"}), frozenset({"east"}), frozenset()])
    asked = points(at((50, 50)) * 4, 4.0)
    verdict = grants.judge(asked, index.locate(asked), np.array([0, 1, 2, -1]))
    assert verdict.status.tolist() == [INSIDE, OUTSIDE, OUTSIDE, OUTSIDE]
    assert verdict.revision.tolist() == [0, -1, -1, -1]


def test_a_permit_grants_the_revision_in_force_at_the_time() -> None:
    first = zone(square(0, 0, 100), "road", revision_id=1, ends_at_ms=1_000)
    second = zone(square(200, 0, 100), "road", revision_id=2, starts_at_ms=1_000)
    asked = points(at((50, 50), (50, 50), (250, 50), (250, 50)), 4.0, timestamp_ms=[999, 1_000, 999, 1_000])
    assert judge(asked, first, second) == [(INSIDE, 0), (OUTSIDE, -1), (OUTSIDE, -1), (INSIDE, 1)]


def test_no_zones_no_grants_no_points() -> None:
    index = build()
    assert (
        Grants.of(index, []).judge(points([]), index.locate(points([])), np.zeros(0, dtype=np.int64)).status.size == 0
    )
    asked = points(at((0, 0)))
    verdict = Grants.of(index, [frozenset({"road"})]).judge(asked, index.locate(asked), np.zeros(1, dtype=np.int64))
    assert verdict.status.tolist() == [OUTSIDE]


@pytest.mark.parametrize("seed", range(8))
def test_random_grants_agree_with_the_union_of_their_areas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    zones = [random_zone(rng, 150, number) for number in range(14)]
    index = build(*zones)
    sets = [frozenset(f"zone-{row}" for row in rng.choice(14, size)) for size in (1, 3, 8, 14)]
    asked = points(unprojected(index, rng.uniform(-400, 400, (300, 2))), rng.choice([0.0, 2.0, 8.0, 30.0], 300))
    grant = rng.integers(-1, len(sets), 300)
    verdict = Grants.of(index, sets).judge(asked, index.locate(asked), grant)
    assert verdict.status.tolist() == [int(one) for one in plain(index, sets, asked, grant)]
    assert ((verdict.revision >= 0) == (verdict.status != OUTSIDE)).all()


def plain(index: ZoneIndex, sets: list[frozenset[str]], asked: Points, grant: Any) -> list[GrantStatus]:
    names = {Containment.OUTSIDE: OUTSIDE, Containment.UNCERTAIN: UNCERTAIN, Containment.INSIDE: INSIDE}
    unions = [
        shapely.union_all(
            [shape for shape, one in zip(index.shapes, index.revisions, strict=True) if one.zone_id in ids]
        )
        for ids in sets
    ]
    x, y = index.project(asked.lon, asked.lat)
    return [
        names[plain_containment(unions[of], x[row], y[row], asked.radius_m[row])] if of >= 0 else OUTSIDE
        for row, of in enumerate(grant.tolist())
    ]
