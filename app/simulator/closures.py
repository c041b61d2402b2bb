"""Places that a vehicle was told to leave and keep out of, in the simulator's plane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from app.simulator.paths import Path
from app.simulator.plane import Plane, Point

_STEP_M = 3.0
#: So far from a place one stops: its accuracy circle is then out as well.
KEPT_OFF_M = 15.0


def area_in(plane: Plane, place: dict[str, object]) -> BaseGeometry:
    """A GeoJSON geometry in EPSG:4326 as an area of the plane. Raises ValueError for what is none."""
    try:
        drawn = shapely.geometry.shape(place)
        area = shapely.transform(drawn, lambda all_lonlat: np.array([plane.point(lon, lat) for lon, lat in all_lonlat]))
    except (shapely.errors.ShapelyError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no place: {error}") from error
    if area.is_empty or not area.area:
        raise ValueError("no area")
    shapely.prepare(area)
    return area


def is_in(areas: Iterable[BaseGeometry], point: Point) -> bool:
    """Whether the point is in one of them."""
    return any(bool(shapely.contains_xy(area, *point)) for area in areas)


def inside_m(areas: Sequence[BaseGeometry], path: Path) -> float:
    """How much of the path lies in them."""
    if path.length_m <= 0 or not areas:
        return 0.0
    return float(_covered(areas, path).mean() * path.length_m)


def first_inside_m(areas: Sequence[BaseGeometry], path: Path) -> float | None:
    """The distance along the path at which it enters one of them; None: it never does."""
    entered = np.flatnonzero(_covered(areas, path)) if areas else np.array([], dtype=np.int64)
    return float(_distances_m(path)[entered[0]]) if len(entered) else None


def _covered(areas: Sequence[BaseGeometry], path: Path) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    corners = np.array(path.points)
    x_m, y_m = (np.interp(_distances_m(path), path.travelled_m, corners[:, axis]) for axis in (0, 1))
    covered = np.zeros(len(x_m), dtype=np.bool_)
    for area in areas:
        covered |= shapely.contains_xy(area, x_m, y_m)
    return covered


def _distances_m(path: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.linspace(0.0, path.length_m, max(2, int(path.length_m / _STEP_M) + 1))
