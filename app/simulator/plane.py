"""The simulator's own flat world: metres east and north of an origin.

Positions go there and come back exactly; over a city zone its distances are true to a few parts in
ten thousand. Nothing is judged in it: judgement has geofences.projection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_METRES_PER_DEGREE_NORTH = 110_750.0
_METRES_PER_DEGREE_EAST_AT_EQUATOR = 111_320.0

#: Metres east and north.
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plane:
    """An equirectangular plane around an origin in EPSG:4326."""

    origin_lon: float
    origin_lat: float

    @property
    def _metres_per_degree_east(self) -> float:
        return _METRES_PER_DEGREE_EAST_AT_EQUATOR * math.cos(math.radians(self.origin_lat))

    def point(self, lon: float, lat: float) -> Point:
        """Degrees to metres."""
        east_m = (lon - self.origin_lon) * self._metres_per_degree_east
        return east_m, (lat - self.origin_lat) * _METRES_PER_DEGREE_NORTH

    def lonlat(self, point: Point) -> tuple[float, float]:
        """Metres to degrees, lon then lat."""
        east_m, north_m = point
        lon = self.origin_lon + east_m / self._metres_per_degree_east
        return lon, self.origin_lat + north_m / _METRES_PER_DEGREE_NORTH
