"""How long a line and how large an area truly is: on the ellipsoid WGS 84, not in a projection."""

from __future__ import annotations

from collections.abc import Iterable

import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

_ELLIPSOID = Geod(ellps="WGS84")
_M_PER_KM = 1_000.0
_M2_PER_KM2 = 1_000_000.0
_LINE, _AREA = 1, 2  # dimensions


def length_km(geometry: BaseGeometry) -> float | None:
    """Geodesic length of a line in EPSG:4326; None for what is no line."""
    if shapely.get_dimensions(geometry) != _LINE:
        return None
    return float(_ELLIPSOID.geometry_length(geometry)) / _M_PER_KM


def area_km2(geometry: BaseGeometry) -> float | None:
    """Geodesic area of a polygon in EPSG:4326 without its holes; None for what is no area."""
    if shapely.get_dimensions(geometry) != _AREA:
        return None
    turned = shapely.orient_polygons(geometry)
    return float(_ELLIPSOID.geometry_area_perimeter(turned)[0]) / _M2_PER_KM2


def totals(geometries: Iterable[BaseGeometry]) -> tuple[float, float]:
    """Kilometres of the lines and km2 of the areas together; what overlaps counts once."""
    every = list(geometries)
    lines = shapely.union_all([each for each in every if shapely.get_dimensions(each) == _LINE])
    areas = shapely.union_all([each for each in every if shapely.get_dimensions(each) == _AREA])
    return length_km(lines) or 0.0, area_km2(areas) or 0.0
