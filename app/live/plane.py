"""A plain plane for display: degrees scaled to metres at one latitude.

Good for choosing what is nearest and for coarse steps on a map; never for deciding whether
anything is inside (geofences.projection does that).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from telemetry.samples import Reals

_METRES_PER_DEGREE = 111_320.0

Geometries = NDArray[np.object_]


class Plane:
    """Coordinates in EPSG:4326 degrees (lon, lat) to metres and back, arrays of shape (n, 2)."""

    def __init__(self, latitude: float) -> None:
        self._scale = np.array([_METRES_PER_DEGREE * math.cos(math.radians(latitude)), _METRES_PER_DEGREE])

    @classmethod
    def around(cls, geometries: Sequence[BaseGeometry]) -> Plane:
        """The plane at the latitude of the first geometry; at the equator when there is none."""
        return cls(geometries[0].centroid.y if geometries else 0.0)

    def flat(self, geometries: Sequence[BaseGeometry]) -> Geometries:
        """Geometries in metres, shape (n,)."""
        found = shapely.transform(np.array(geometries, dtype=object), self.to_metres)
        return np.asarray(found, dtype=object)

    def to_metres(self, lonlat: Reals) -> Reals:
        """Degrees to metres."""
        return np.asarray(lonlat * self._scale)

    def to_degrees(self, xy: Reals) -> Reals:
        """Metres to degrees."""
        return np.asarray(xy / self._scale)
