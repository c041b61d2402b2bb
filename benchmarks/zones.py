"""Zone lookup: points a second through the index, against shapely's tree over the same projected zones.

Both answer "which zones hold this point, and is its altitude in their band?" for batches of 500.
The baselines are given more and do less: their points are projected, made into geometries and read
in the zones' datum beforehand, and they know no accuracy circle, no period and no uncertainty.
The index starts from degrees and reported datums and gives three-valued answers.

Run with `python -m benchmarks.zones`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from geofences.datum import VerticalReference
from geofences.index import ZoneIndex
from geofences.placement import Points
from geofences.zones import Datum, VerticalBand, ZoneKind, ZoneRevision

Reals = NDArray[np.float64]

BATCH = 500
BATCHES = 8
WARM = 3
ROUNDS = 25
REBUILDS = 9
#: About the extended Qianhai zone, 120 square kilometres.
EXTENT_M = 11_000.0
LON, LAT = 113.9, 22.5
LON_M, LAT_M = 1 / 102_900.0, 1 / 110_750.0
NOW_MS = 1_732_161_600_000
CITY = VerticalReference(ground_elevation_m=5.0, geoid_undulation_m=-3.0)


@dataclass(frozen=True, slots=True)
class Case:
    """An index of so many zones, and batches of points with what the baselines need of them."""

    index: ZoneIndex
    build_s: float
    one_more_s: float
    successor_s: float
    batches: list[Points]
    geometries: list[NDArray[np.object_]]
    altitudes_m: list[Reals]


def main() -> None:
    """Measure and print the table."""
    cases = {zones: make_case(zones) for zones in (250, 2_500)}
    jobs = {(zones, name): job for zones, case in cases.items() for name, job in jobs_of(case)}
    rates = measure(jobs)
    print(f"points/s in batches of {BATCH}, median of {ROUNDS} interleaved rounds; {EXTENT_M / 1000:.0f} km square")
    print(f"{'zones':>6}  {'lookup':<44}{'points/s':>12}{'x tree':>9}")
    for (zones, name), rate in rates.items():
        print(f"{zones:>6}  {name:<44}{rate:>12,.0f}{rate / rates[zones, TREE]:>9.1f}")
    for name in (EXACT, CIRCLE):
        print(f"time a point at 2,500 over 250 zones, {name}: {rates[250, name] / rates[2_500, name]:.2f}")
    for zones, case in cases.items():
        print(
            f"{zones} zones: built in {case.build_s:.2f} s, {case.one_more_s * 1000:.1f} ms for one zone more,"
            f" {case.successor_s * 1000:.1f} ms for a new revision of one; grids of {megabytes(case.index):.1f} MB"
        )


TREE = "shapely STRtree.query(intersects), bands"
BOXES = "shapely STRtree boxes, prepared, bands"
EXACT = "ZoneIndex.locate, radius 0"
CIRCLE = "ZoneIndex.locate, radius 4 m (accuracy 2 m)"


def jobs_of(case: Case) -> Iterator[tuple[str, Callable[[int], None]]]:
    """The lookups to compare; each takes the number of a batch."""
    index, columns = case.index, case.index.columns
    tree = shapely.STRtree(index.shapes)

    def in_band(point: NDArray[np.int64], zone: NDArray[np.int64], batch: int) -> NDArray[np.bool_]:
        altitude_m = case.altitudes_m[batch][point]
        flags: NDArray[np.bool_] = (altitude_m >= columns.lower_m[zone]) & (altitude_m <= columns.upper_m[zone])
        return flags

    def query(batch: int) -> None:
        point, zone = tree.query(case.geometries[batch], predicate="intersects")
        in_band(point, zone, batch)

    def boxes(batch: int) -> None:
        point, zone = tree.query(case.geometries[batch])
        hit = shapely.intersects(index.shapes[zone], case.geometries[batch][point])
        in_band(point[hit], zone[hit], batch)

    exact = [with_radius(points, 0.0) for points in case.batches]
    yield TREE, query
    yield BOXES, boxes
    yield EXACT, lambda batch: void(index.locate(exact[batch]))
    yield CIRCLE, lambda batch: void(index.locate(case.batches[batch]))


def void(_: object) -> None:
    """Take an answer and drop it."""


def measure(jobs: dict[tuple[int, str], Callable[[int], None]]) -> dict[tuple[int, str], float]:
    """Median points a second of each job; the rounds of all jobs take turns."""
    seconds: dict[tuple[int, str], list[float]] = {key: [] for key in jobs}
    for _ in range(ROUNDS):
        for key, job in jobs.items():
            for batch in range(WARM):  # the job before has filled the caches with its own
                job(batch)
            start = time.perf_counter()
            for batch in range(BATCHES):
                job(batch)
            seconds[key].append(time.perf_counter() - start)
    return {key: BATCH * BATCHES / statistics.median(taken) for key, taken in seconds.items()}


# --- a city ---------------------------------------------------------------------------------------


def make_case(zones: int) -> Case:
    """Four fifths roads, one fifth corridors with bands; half of the points on them, half anywhere."""
    rng = np.random.default_rng(zones)
    roads = [road(rng, number) for number in range(zones * 4 // 5)]
    revisions = roads + [corridor(rng, number) for number in range(zones - len(roads))]
    start = time.process_time()
    index = ZoneIndex.build(revisions, CITY)
    build_s = time.process_time() - start
    one_more_s = median_rebuild_s(index, lambda before, number: [*before, road(rng, 50_000 + number)])
    successor_s = median_rebuild_s(index, lambda before, number: succeeded(before, road(rng, number)))
    batches = [batch_of(rng, revisions) for _ in range(BATCHES)]
    planes = [np.column_stack(index.project(points.lon, points.lat)) for points in batches]
    return Case(
        index,
        build_s,
        one_more_s,
        successor_s,
        batches,
        [np.asarray(shapely.points(plane), dtype=object) for plane in planes],
        [points.altitude_m - 5.0 for points in batches],
    )


def median_rebuild_s(index: ZoneIndex, change: Callable[[list[ZoneRevision], int], list[ZoneRevision]]) -> float:
    """Processor time of building an index with a change from the one before; each follows the last."""
    seconds = []
    for number in range(REBUILDS):
        revisions = change(list(index.revisions), number)
        start = time.process_time()
        index = ZoneIndex.build(revisions, CITY, previous=index)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def succeeded(revisions: list[ZoneRevision], new: ZoneRevision) -> list[ZoneRevision]:
    """The revisions with a successor to the one of the same zone."""
    ended = [
        replace(revision, ends_at_ms=NOW_MS) if revision.zone_id == new.zone_id else revision for revision in revisions
    ]
    return [*ended, replace(new, revision_id=60_000, starts_at_ms=NOW_MS)]


def road(rng: np.random.Generator, number: int) -> ZoneRevision:
    """A road of some 1 to 3 km with gentle bends."""
    line = winding(rng, pieces=int(rng.integers(4, 9)), piece_m=350.0, bend=0.25)
    half_width_m = float(rng.uniform(6, 15))
    return ZoneRevision(number, f"road-{number}", ZoneKind.TEST_ROAD, line, 0, half_width_m=half_width_m)


def corridor(rng: np.random.Generator, number: int) -> ZoneRevision:
    """A corridor of some 3 to 6 km, 80 to 160 m wide, with a band above ground."""
    lower = float(rng.choice([30, 60, 90]))
    return ZoneRevision(
        10_000 + number,
        f"corridor-{number}",
        ZoneKind.AIR_CORRIDOR,
        winding(rng, pieces=int(rng.integers(3, 7)), piece_m=1_000.0, bend=0.15),
        0,
        half_width_m=float(rng.uniform(40, 80)),
        band=VerticalBand(lower, lower + 30, Datum.AGL),
    )


def winding(rng: np.random.Generator, pieces: int, piece_m: float, bend: float) -> LineString:
    """A line of pieces that turn a little, somewhere in the square."""
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, pieces))
    steps = piece_m * np.column_stack([np.cos(heading), np.sin(heading)])
    places = np.vstack([np.zeros(2), np.cumsum(steps, axis=0)])
    places += rng.uniform(-EXTENT_M / 2, EXTENT_M / 2, 2) - places.mean(axis=0)
    return LineString(degrees(places))


def degrees(places: Reals) -> Reals:
    """Longitude and latitude of metres around the middle of the square, roughly."""
    return np.column_stack([LON + places[:, 0] * LON_M, LAT + places[:, 1] * LAT_M])


def batch_of(rng: np.random.Generator, revisions: list[ZoneRevision]) -> Points:
    """A batch of points, shuffled, with accuracy circles of 4 m and altitudes above sea level."""
    on_lines = []
    for row in rng.integers(len(revisions), size=BATCH // 2):
        revision = revisions[row]
        place = revision.geometry.interpolate(rng.uniform(), normalized=True)
        assert revision.half_width_m is not None
        off = rng.uniform(-1, 1, 2) * revision.half_width_m / np.sqrt(2) * (LON_M, LAT_M)
        on_lines.append((place.x + off[0], place.y + off[1]))
    anywhere = degrees(rng.uniform(-EXTENT_M / 2, EXTENT_M / 2, (BATCH - len(on_lines), 2)))
    places = rng.permutation(np.vstack([on_lines, anywhere]))
    return Points(
        places[:, 0].copy(),
        places[:, 1].copy(),
        np.full(BATCH, 4.0),
        rng.uniform(0, 150, BATCH),
        np.ones(BATCH, dtype=np.int8),
        np.full(BATCH, 2.0),
        NOW_MS + rng.integers(0, 1_000, BATCH),
    )


def with_radius(points: Points, radius_m: float) -> Points:
    """The same points with other circles."""
    return Points(
        points.lon,
        points.lat,
        np.full(len(points), radius_m),
        points.altitude_m,
        points.altitude_datum,
        np.full(len(points), radius_m / 2),
        points.timestamp_ms,
    )


def megabytes(index: ZoneIndex) -> float:
    """Size of the arrays of all grids."""
    return sum(grid.nbytes for grid in index.grids) / 1e6


if __name__ == "__main__":
    main()
