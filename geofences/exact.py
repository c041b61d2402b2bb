"""Exact answers by prepared geometry: for the few pairs that the grid leaves open, and for large circles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geofences.placement import UNKNOWN_RADIUS_M, Codes, Flags, Integers, Reals
from geofences.zones import Containment

#: Circles larger than this say nothing more; it keeps boxes around them finite.
_LARGEST_RADIUS_M = 1e7


@dataclass(frozen=True, slots=True, eq=False)
class ExactShapes:
    """Areas and their boundaries, prepared, with a tree of the areas' boxes; shape (z,) in metres."""

    shapes: NDArray[np.object_]
    boundaries: NDArray[np.object_]
    tree: shapely.STRtree

    @classmethod
    def of(cls, shapes: NDArray[np.object_], boundaries: NDArray[np.object_] | None = None) -> ExactShapes:
        """Prepare the areas (Polygon or MultiPolygon); the boundaries that are known need not be found again."""
        if boundaries is None:
            boundaries = shapely.boundary(shapes)
        shapely.prepare(shapes)
        shapely.prepare(boundaries)
        for geometries in (shapes, boundaries):
            geometries.flags.writeable = False
        return cls(shapes, boundaries, shapely.STRtree(shapes))

    def containment(self, zone: Integers, x_m: Reals, y_m: Reals, radius_m: Reals) -> Codes:
        """Containment of circles (m,) in the paired zones (m,). A NaN radius is never INSIDE."""
        unknown = np.isnan(radius_m)
        radius_m = np.where(unknown, UNKNOWN_RADIUS_M, radius_m)
        places = np.asarray(shapely.points(x_m, y_m), dtype=object)
        within = shapely.intersects_xy(self.shapes[zone], x_m, y_m)
        touching = _within_distance(self.boundaries[zone], places, radius_m)
        # A circle that only touches the boundary from within is still wholly inside.
        nearer = _within_distance(self.boundaries[zone], places, np.nextafter(radius_m, -1.0))
        containment = np.where(within | touching, Containment.UNCERTAIN, Containment.OUTSIDE)
        containment[within & ((radius_m == 0) | ~nearer) & ~unknown] = Containment.INSIDE
        return containment.astype(np.int8)

    def locate(self, x_m: Reals, y_m: Reals, radius_m: Reals) -> tuple[Integers, Integers, Codes]:
        """Pairs (point, zone, containment) of the circles (n,) with every zone they are not OUTSIDE of."""
        reach = np.minimum(np.where(np.isnan(radius_m), UNKNOWN_RADIUS_M, radius_m), _LARGEST_RADIUS_M)
        boxes = shapely.box(x_m - reach, y_m - reach, x_m + reach, y_m + reach)
        point, zone = self.tree.query(boxes)
        containment = self.containment(zone, x_m[point], y_m[point], radius_m[point])
        order = np.lexsort((zone, point))
        order = order[containment[order] != Containment.OUTSIDE]
        return point[order], zone[order], containment[order]


def _within_distance(boundary: NDArray[np.object_], place: NDArray[np.object_], distance_m: Reals) -> Flags:
    flags: Flags = shapely.dwithin(boundary, place, distance_m)  # type: ignore[call-overload]  # stubs know scalars only
    return flags


def containment_in(shape: BaseGeometry, x_m: float, y_m: float, radius_m: float) -> Containment:
    """Containment of one circle in one area; the same rules as ExactShapes.containment."""
    one = np.empty(1, dtype=object)
    one[0] = shape
    answer = ExactShapes(one, shapely.boundary(one), shapely.STRtree([])).containment(
        np.zeros(1, dtype=np.int64), np.array([x_m]), np.array([y_m]), np.array([radius_m])
    )
    return Containment(int(answer[0]))
