"""From a zone revision to the area it covers in the local plane. Nothing is repaired silently."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from geofences.datum import limits_m
from geofences.errors import InvalidZone
from geofences.projection import LocalMetric
from geofences.zones import ZoneRevision

#: Arcs around the ends and bends of a line lie at most this far inside the true circle.
ARC_ERROR_M = 0.01

#: About a hundredth of a square metre: what is smaller is a line drawn as an area.
_SMALLEST_AREA_DEG2 = 1e-12

_LINES = ("LineString", "MultiLineString")
_AREAS = ("Polygon", "MultiPolygon")


def check_geometry(geometry: BaseGeometry, half_width_m: float | None) -> None:
    """Raise InvalidZone unless a geometry (EPSG:4326, lon then lat) is one that a zone can have."""
    if geometry.is_empty:
        raise InvalidZone("the geometry is empty", rule="geometry_empty")
    if geometry.geom_type not in _LINES + _AREAS:
        raise InvalidZone(f"a {geometry.geom_type} is neither a line nor an area", rule="geometry_type")
    _check_coordinates(geometry)
    if geometry.geom_type in _LINES:
        if half_width_m is None or not 0 < half_width_m < math.inf:
            raise InvalidZone("a line needs a positive half width in metres", rule="half_width_missing")
        if geometry.length == 0:
            raise InvalidZone("the line has no length", rule="line_without_length")
    elif half_width_m is not None:
        raise InvalidZone("only a line has a half width", rule="half_width_unwanted")
    elif not geometry.is_valid:
        raise InvalidZone(f"the polygon is not valid: {shapely.is_valid_reason(geometry)}", rule="polygon_invalid")
    elif geometry.area < _SMALLEST_AREA_DEG2:
        raise InvalidZone("the polygon has no area", rule="polygon_without_area")


def check_band(revision: ZoneRevision) -> None:
    """Raise InvalidZone unless the revision's band can be judged against."""
    if revision.band is not None:
        limits_m(revision.band)


def _check_coordinates(geometry: BaseGeometry) -> None:
    lon, lat = shapely.get_coordinates(geometry).T
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise InvalidZone("a coordinate is not a finite number", rule="coordinate_invalid")
    if (np.abs(lat) > 90).any() and (np.abs(lon) <= 90).all():  # noqa: PLR2004 -- degrees of latitude
        raise InvalidZone(
            "a latitude beyond 90 degrees: are longitude and latitude swapped?", rule="coordinates_swapped"
        )
    if (np.abs(lon) > 180).any() or (np.abs(lat) > 90).any():  # noqa: PLR2004 -- degrees of the globe
        raise InvalidZone("a coordinate lies off the globe", rule="coordinate_off_globe")


def area_in_plane(revision: ZoneRevision, metric: LocalMetric) -> BaseGeometry:
    """The Polygon or MultiPolygon, in metres, that a checked revision covers. Raises InvalidZone."""
    plane = metric.project(shapely.force_2d(revision.geometry))
    if revision.half_width_m is not None:
        plane = shapely.buffer(plane, revision.half_width_m, quad_segs=_quarter_segments(revision.half_width_m))
    # A polygon whose rings nearly touch may come to cross itself where straight edges bend.
    if not plane.is_valid or plane.is_empty or plane.area == 0:
        raise InvalidZone(f"no valid area in the plane: {shapely.is_valid_reason(plane)}", rule="polygon_invalid")
    return plane


def _quarter_segments(radius_m: float) -> int:
    """Segments to a quarter circle, so that no chord is farther than ARC_ERROR_M from its arc."""
    if radius_m <= ARC_ERROR_M:
        return 8
    return max(8, math.ceil(math.pi / 4 / math.acos(1 - ARC_ERROR_M / radius_m)))
