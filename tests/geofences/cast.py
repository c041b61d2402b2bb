"""Zones, points and the slow, plain answers that the index is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from geofences.datum import VerticalReference
from geofences.index import ZoneIndex
from geofences.placement import Placement, Points
from geofences.projection import _transformer
from geofences.schedule import Schedule
from geofences.zones import Containment, Datum, VerticalBand, ZoneKind, ZoneRevision

LON, LAT = 113.9, 22.5
NOON_MS = 1_732_161_600_000  # 2024-11-21T12:00:00+08:00
#: Degrees to a metre, roughly, at LAT: for drawing, never for judging.
LON_M, LAT_M = 1 / 102_900.0, 1 / 110_750.0
CITY = VerticalReference(ground_elevation_m=5.0, geoid_undulation_m=-3.0)


#: Open from sunrise to sunset at a place where the sun does not rise at NOON_MS.
POLAR_NIGHT = Schedule.from_dict(
    {
        "time_zone": "Europe/Oslo",
        "position": {"lon": 18.9, "lat": 75.0},
        "windows": [{"days": ["ANY"], "start": {"event": "SR"}, "end": {"event": "SS"}}],
    }
)


def at(*metres: tuple[float, float]) -> list[tuple[float, float]]:
    """Longitudes and latitudes of places given roughly in metres from (LON, LAT)."""
    return [(LON + x * LON_M, LAT + y * LAT_M) for x, y in metres]


def square(x: float, y: float, side: float) -> Polygon:
    """A square with its south-west corner at (x, y) metres."""
    return Polygon(at((x, y), (x + side, y), (x + side, y + side), (x, y + side)))


def zone(geometry: BaseGeometry, zone_id: str = "zone", **more: Any) -> ZoneRevision:
    """A revision in force since 1970: a test area unless said otherwise."""
    given: dict[str, Any] = {"revision_id": 1, "kind": ZoneKind.TEST_AREA, "starts_at_ms": 0} | more
    if geometry.geom_type.endswith("LineString"):
        given = {"half_width_m": 8.0} | given
    return ZoneRevision(zone_id=zone_id, geometry=geometry, **given)


def band(lower: float | None, upper: float | None, **more: Any) -> VerticalBand:
    return VerticalBand(lower, upper, **({"datum": Datum.AGL} | more))


def points(
    lonlat: Sequence[tuple[float, float]] | NDArray[np.float64],
    radius_m: float | Sequence[float] | NDArray[np.float64] = 0.0,
    *,
    altitude_m: float | Sequence[float] = np.nan,
    datum: int | Sequence[int] = 0,
    vertical_radius_m: float | Sequence[float] = 0.0,
    timestamp_ms: int | Sequence[int] = NOON_MS,
) -> Points:
    """Points with the same value for all where a single one is given."""
    places = np.asarray(lonlat, dtype=np.float64).reshape(-1, 2)
    n = len(places)

    def column(value: Any, kind: Any = np.float64) -> Any:
        return np.broadcast_to(np.asarray(value, dtype=kind), (n,)).copy()

    return Points(
        places[:, 0].copy(),
        places[:, 1].copy(),
        column(radius_m),
        column(altitude_m),
        column(datum, np.int8),
        column(vertical_radius_m),
        column(timestamp_ms, np.int64),
    )


def build(*revisions: ZoneRevision, **more: Any) -> ZoneIndex:
    return ZoneIndex.build(revisions, CITY, **more)


def answers(placement: Placement) -> dict[tuple[int, int], tuple[int, int]]:
    """(point, zone): (horizontal, vertical)."""
    columns = (placement.point, placement.zone, placement.horizontal, placement.vertical)
    return {(int(p), int(z)): (int(h), int(v)) for p, z, h, v in zip(*columns, strict=True)}


def plain_containment(shape: BaseGeometry, x: float, y: float, radius_m: float) -> Containment:
    """The definition, by plain shapely calls without preparation, one point and zone at a time."""
    place = Point(x, y)
    within = shape.intersects(place)
    distance = shape.boundary.distance(place)
    if within and distance >= radius_m:
        return Containment.INSIDE
    return Containment.UNCERTAIN if within or distance <= radius_m else Containment.OUTSIDE


def star(rng: np.random.Generator, x: float, y: float, size: float, vertices: int) -> Polygon:
    """A simple polygon with rays of random lengths around (x, y), in degrees."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, vertices))
    rays = size * rng.uniform(0.3, 1.0, vertices)
    shape = Polygon(at(*zip(x + rays * np.cos(angles), y + rays * np.sin(angles), strict=True)))
    return shape if shape.is_valid else shape.convex_hull


def random_zone(rng: np.random.Generator, extent: float, number: int) -> ZoneRevision:
    """A road, a thin line, a square, an area with a hole, a multipolygon or a many-cornered star."""
    x, y = rng.uniform(-extent, extent, 2)
    name = f"zone-{number}"
    match int(rng.integers(6)):
        case 0:
            steps = np.cumsum(rng.normal(0, 150, (int(rng.integers(2, 8)), 2)), axis=0)
            return zone(LineString(at(*(steps + np.array([x, y])))), name, half_width_m=float(rng.uniform(3, 60)))
        case 1:
            return zone(LineString(at((x, y), tuple(rng.normal((x, y), 300)))), name, half_width_m=0.25)
        case 2:
            return zone(square(x, y, float(rng.choice([1.0, 20.0, 400.0]))), name)
        case 3:
            outer, inner = square(x, y, 300), square(x + 100, y + 100, float(rng.uniform(5, 150)))
            return zone(outer.difference(inner), name)
        case 4:
            parts = [star(rng, x, y, 80, 7), star(rng, x + 200, y, 80, 9), square(x, y + 200, 50)]
            return zone(MultiPolygon(parts), name)
        case _:
            return zone(star(rng, x, y, float(rng.uniform(30, 500)), int(rng.integers(3, 60))), name)


def unprojected(index: ZoneIndex, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees of places in the plane, by PROJ."""
    transformer = _transformer(index.metric.origin_lon, index.metric.origin_lat)
    return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1], direction="INVERSE"))


def vertices(index: ZoneIndex) -> NDArray[np.float64]:
    """All corners of all areas, in the plane."""
    return shapely.get_coordinates(index.shapes)
