"""The index gives, for every zone, the answer of plain shapely calls on the projected areas."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import LineString

from geofences.exact import ExactShapes
from geofences.grid import Grid
from geofences.index import ZoneIndex
from geofences.placement import UNKNOWN_RADIUS_M, Points
from geofences.zones import Containment, ZoneRevision
from tests.geofences.cast import (
    CITY,
    LAT,
    LON,
    answers,
    at,
    build,
    plain_containment,
    points,
    random_zone,
    square,
    star,
    unprojected,
    vertices,
    zone,
)

Reals = NDArray[np.float64]


def expected(index: ZoneIndex, asked: Points) -> dict[tuple[int, int], int]:
    x, y = index.project(asked.lon, asked.lat)
    found = {}
    for point in range(len(asked)):
        for row, shape in enumerate(index.shapes):
            radius = asked.radius_m[point]
            answer = plain_containment(shape, x[point], y[point], UNKNOWN_RADIUS_M if np.isnan(radius) else radius)
            if answer is not Containment.OUTSIDE:
                found[point, row] = int(min(answer, Containment.UNCERTAIN) if np.isnan(radius) else answer)
    return found


def assert_exact(index: ZoneIndex, asked: Points) -> None:
    placement = index.locate(asked)
    got = {pair: horizontal for pair, (horizontal, _) in answers(placement).items()}
    assert len(got) == len(placement.point)
    assert got == expected(index, asked)
    assert list(zip(placement.point, placement.zone, strict=True)) == sorted(got)


def mixed_points(rng: np.random.Generator, index: ZoneIndex, extent: float, n: int) -> Reals:
    """Places all over, on corners, on edges, and a hair from them; in degrees."""
    corners = vertices(index)
    some = rng.integers(len(corners) - 1, size=n)
    share = rng.uniform(0, 1, (n, 1))
    on_edges = corners[some] * share + corners[some + 1] * (1 - share)
    near = on_edges + rng.normal(0, 1, (n, 2)) * rng.choice([0, 1e-9, 1e-6, 1e-3, 1, 10], (n, 1))
    everywhere = rng.uniform(-1.5 * extent, 1.5 * extent, (n, 2)) + np.mean(corners, axis=0)
    places = np.concatenate([corners[some], near, everywhere])
    return unprojected(index, places[rng.integers(len(places), size=n)])


@pytest.mark.parametrize("seed", range(12))
def test_random_zones_and_points_of_all_radii(seed: int) -> None:
    rng = np.random.default_rng(seed)
    extent = 400.0
    index = build(*(random_zone(rng, extent, number) for number in range(12)))
    n = 250
    radius = rng.choice([0.0, 0.0, 0.5, 4.0, 12.0, 25.0, 25.001, 80.0, np.nan], n) * rng.choice([1.0, 0.97], n)
    assert_exact(index, points(mixed_points(rng, index, extent, n), radius))


@pytest.mark.parametrize("cell_m", [3.0, 10.0, 25.0, 70.0, 400.0])
def test_the_size_of_cells_changes_nothing(cell_m: float) -> None:
    rng = np.random.default_rng(7)
    index = build(*(random_zone(rng, 200.0, number) for number in range(8)), cell_m=cell_m)
    assert_exact(index, points(mixed_points(rng, index, 200.0, 200), rng.uniform(0, 20, 200)))


def test_points_at_corners_in_the_plane_are_inside_with_no_radius() -> None:
    index = build(zone(square(0, 0, 200).difference(square(50, 50, 20))))
    corners = vertices(index)
    placement = index.grids[0]
    pairs = placement.candidates(corners[:, 0], corners[:, 1], np.zeros(len(corners)))
    horizontal = placement.containment(pairs, index.exact)
    assert len(pairs.point) == len(corners)
    assert (horizontal == Containment.INSIDE).all()


def test_cell_centres_and_cell_corners() -> None:
    index = build(zone(square(0, 0, 210)), zone(star(np.random.default_rng(3), 100, 100, 90, 12)))
    frame = index.grids[0].frame
    steps = np.arange(0, 12, 0.5) * frame.cell_m
    places = np.array([(frame.west_m + x, frame.south_m + y) for x in steps for y in steps])
    assert_exact(index, points(unprojected(index, places), 3.0))


def test_edges_through_cell_centres() -> None:
    """Zones whose boundary runs exactly through the centres of cells, where sides are in doubt."""
    index = build(zone(square(0, 0, 100)))
    grid = index.grids[0]
    west, south = grid.frame.west_m + 2.5 * grid.frame.cell_m, grid.frame.south_m + 2.5 * grid.frame.cell_m
    shape = np.array([shapely.box(west, south, west + 4 * 25.0, south + 3 * 25.0)])
    exact = ExactShapes.of(shape)
    aligned = Grid.of(shape, np.array([0]), np.array([0]), grid.frame, grid.reach_m)
    rng = np.random.default_rng(5)
    xy = np.concatenate([rng.uniform(-30, 130, (500, 2)), rng.integers(-4, 20, (500, 2)) * 6.25])
    xy += np.array([west, south])
    x, y, radius = xy[:, 0].copy(), xy[:, 1].copy(), rng.choice([0.0, 2.0, 6.25], len(xy))
    pairs = aligned.candidates(x, y, radius)
    answer = np.zeros(len(xy), dtype=np.int8)
    answer[pairs.point] = aligned.containment(pairs, exact)
    assert answer.tolist() == [int(plain_containment(shape[0], *one)) for one in zip(x, y, radius, strict=True)]


def test_a_zone_of_ten_thousand_vertices() -> None:
    rng = np.random.default_rng(11)
    index = build(zone(star(rng, 0, 0, 2_000, 10_000)))
    assert len(vertices(index)) > 10_000
    assert_exact(index, points(mixed_points(rng, index, 2_000, 60), rng.uniform(0, 30, 60)))


def test_thin_zones_of_half_a_metre() -> None:
    rng = np.random.default_rng(13)
    lines = [LineString(at(*rng.uniform(-300, 300, (2, 2)))) for _ in range(10)]
    index = build(*(zone(line, f"line-{row}", half_width_m=0.25) for row, line in enumerate(lines)))
    assert_exact(index, points(mixed_points(rng, index, 300, 300), rng.choice([0.0, 0.1, 0.25, 4.0], 300)))


def test_identical_zones_are_each_listed() -> None:
    index = build(*(zone(square(0, 0, 100), f"zone-{row}") for row in range(5)))
    placement = index.locate(points(at((50, 50)), 4.0))
    assert placement.zone.tolist() == [0, 1, 2, 3, 4]
    assert set(placement.horizontal.tolist()) == {int(Containment.INSIDE)}


def test_zones_of_very_different_sizes_take_different_grids() -> None:
    rng = np.random.default_rng(17)
    revisions: list[ZoneRevision] = [zone(square(-20_000, -20_000, 40_000), "huge")]
    revisions += [random_zone(rng, 300, number) for number in range(6)]
    index = build(*revisions)
    assert len(index.grids) == 2
    assert sum(len(grid.entries.rows) for grid in index.grids) < 200_000
    assert_exact(index, points(mixed_points(rng, index, 300, 150), rng.uniform(0, 30, 150)))
    assert_exact(index, points(unprojected(index, rng.uniform(-22_000, 22_000, (100, 2))), rng.uniform(0, 30, 100)))


def test_points_far_outside_touch_nothing() -> None:
    index = build(zone(square(0, 0, 100)))
    away = [(0.0, 0.0), (-66.1, -22.5), (113.9, 22.0), (116.4, 39.9), (180.0, 90.0), (-180.0, -90.0), (24.0, 0.0)]
    for radius in (0.0, 4.0, 60.0, np.nan):
        assert len(index.locate(points(away, radius)).point) == 0


def test_an_empty_index_and_an_empty_batch() -> None:
    assert len(ZoneIndex.build([], CITY).locate(points([(LON, LAT)], 4.0)).point) == 0
    assert len(ZoneIndex.build([], CITY).locate(points([(LON, LAT)], np.nan)).point) == 0
    assert len(build(zone(square(0, 0, 100))).locate(points([])).point) == 0


@pytest.mark.parametrize("radius", [0.0, 4.0, 60.0, np.nan])
def test_a_point_is_answered_alike_alone_and_in_a_batch(radius: float) -> None:
    rng = np.random.default_rng(19)
    index = build(*(random_zone(rng, 200, number) for number in range(8)))
    asked = points(mixed_points(rng, index, 200, 64), radius)
    together = answers(index.locate(asked))
    alone = {
        (row, pair[1]): answer
        for row in range(len(asked))
        for pair, answer in answers(index.locate(asked.take(np.array([row])))).items()
    }
    assert together == alone


corner = st.tuples(st.integers(-6, 6), st.integers(-6, 6))


@settings(max_examples=150, deadline=None)
@given(st.lists(corner, min_size=3, max_size=8), st.lists(corner, min_size=1, max_size=12), st.integers(0, 30))
def test_any_hull_against_points_of_the_same_lattice(
    corners: list[tuple[int, int]], asked: list[tuple[int, int]], radius: int
) -> None:
    hull = shapely.MultiPoint(at(*((12.5 * x, 12.5 * y) for x, y in corners))).convex_hull
    if hull.area > 1e-10:  # degrees: others are points, lines and slivers, which no zone can be
        index = build(zone(hull))
        assert_exact(index, points(at(*((12.5 * x, 12.5 * y) for x, y in asked)), float(radius)))
