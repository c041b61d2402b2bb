"""Shapes as maps draw them: true metric outlines, circles and lengths, given back in EPSG:4326."""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.enums import TransformDirection
from shapely.geometry.base import BaseGeometry

Reals = NDArray[np.float64]

#: Segments to a quarter of a circle that people draw: 64 vertices, 0.03 m from the true circle at 25 m.
CIRCLE_QUARTER_SEGMENTS = 16
#: Segments to a quarter of the round end of a line on a map.
OUTLINE_QUARTER_SEGMENTS = 6


def outline(geometry: BaseGeometry, half_width_m: float | None, *, precision_deg: float = 0.0) -> BaseGeometry:
    """The area that a zone covers, to be drawn: a line widened in metres, an area as it is.

    Outer rings run counter-clockwise (RFC 7946, 3.1.6): some renderers fill what is on their left.
    """
    area = geometry if half_width_m is None else _buffered(geometry, half_width_m, OUTLINE_QUARTER_SEGMENTS)
    return shapely.orient_polygons(shapely.set_precision(area, precision_deg))


def circle(lon: float, lat: float, radius_m: float) -> BaseGeometry:
    """A circle as a polygon whose vertices lie on it."""
    return _buffered(shapely.Point(lon, lat), radius_m, CIRCLE_QUARTER_SEGMENTS)


def enclosing_circle(lon: float, lat: float, radius_m: float) -> BaseGeometry:
    """A circle as a polygon that holds all of it: its edges touch it, its vertices lie up to 0.12 % farther out."""
    return circle(lon, lat, radius_m / cos(pi / (4 * CIRCLE_QUARTER_SEGMENTS)))


def length_m(geometry: BaseGeometry) -> float:
    """The length of a line; of an area that of its boundary."""
    return float(_plane_of(geometry).forward(geometry).length)


def area_m2(geometry: BaseGeometry) -> float:
    """The area of a polygon; a line has none."""
    return float(_plane_of(geometry).forward(geometry).area)


class _Plane:
    """Metres around a point, by PROJ's transverse Mercator."""

    def __init__(self, lon: float, lat: float) -> None:
        plane = f"+proj=tmerc +lat_0={lat!r} +lon_0={lon!r} +ellps=WGS84 +units=m"
        self._transformer = Transformer.from_crs("EPSG:4326", plane, always_xy=True)

    def forward(self, geometry: BaseGeometry) -> BaseGeometry:
        return self._moved(geometry, TransformDirection.FORWARD)

    def back(self, geometry: BaseGeometry) -> BaseGeometry:
        return self._moved(geometry, TransformDirection.INVERSE)

    def _moved(self, geometry: BaseGeometry, direction: TransformDirection) -> BaseGeometry:
        def move(pairs: Reals) -> Reals:
            return np.column_stack(self._transformer.transform(pairs[:, 0], pairs[:, 1], direction=direction))

        return shapely.transform(geometry, move)


def _plane_of(geometry: BaseGeometry) -> _Plane:
    """The plane around a place near the middle: 8 km aside it is true to a millionth, and made once for all there."""
    centre = geometry.centroid
    return _plane_around(round(centre.x, 1), round(centre.y, 1))


@lru_cache(maxsize=256)
def _plane_around(lon: float, lat: float) -> _Plane:
    return _Plane(lon, lat)


def _buffered(geometry: BaseGeometry, distance_m: float, quarter_segments: int) -> BaseGeometry:
    plane = _plane_of(geometry)
    area = shapely.buffer(plane.forward(geometry), distance_m, quad_segs=quarter_segments)
    return plane.back(area)
