"""Where vehicles are to one place that is closed to them: in it, on their way into it, or certainly out of it.

The place is judged as a zone of the index is (geofences.index): the same plane, circles, bands and
boundary. Nothing fails open: who may be inside counts as inside, and what a vehicle does not say is
taken to be what would bring it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geofences.datum import VerticalReference
from geofences.index import ZoneIndex
from geofences.placement import UNKNOWN_RADIUS_M, Flags, Integers, Points, Reals
from geofences.zones import Datum, VerticalBand, VerticalRelation, ZoneKind, ZoneRevision
from telemetry.directives import DemandedPlace

#: Who would be inside within this time is on its way into a place.
AHEAD_S = 60.0
#: Places kept compiled: those of the emergencies at hand.
_PLACES_KEPT = 64
#: Wider than what an arc of the widened area lies inside the true one.
_ARC_M = 1.0
#: Of a path: who stands still has one too, since the distance to a line without length is not defined.
_SHORTEST_M = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Stands:
    """Of n vehicles, columns (n,): `inside` who is or may be inside, `outside` who certainly is not.

    Neither: its accuracy is not stated, and it is not near. `depth_m` is how far the vehicle, taken as
    a point, would have to move to be out, in the plane or up or down; negative: how far outside it is.
    """

    inside: Flags
    outside: Flags
    depth_m: Reals


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How n vehicles move, columns (n,); NaN: not stated. No vehicle is faster than its `top_speed_mps`."""

    heading_deg: Reals
    speed_mps: Reals
    vertical_speed_mps: Reals
    top_speed_mps: Reals


@dataclass(frozen=True, slots=True, eq=False)
class ClosedPlace:
    """One place, compiled. `index` holds it and nothing else."""

    index: ZoneIndex

    @classmethod
    def of(cls, geometry: BaseGeometry, band: VerticalBand | None, vertical: VerticalReference) -> ClosedPlace:
        """An area in EPSG:4326, lon then lat. Raises InvalidZone."""
        place = ZoneRevision(0, "place", ZoneKind.RESTRICTED, geometry, starts_at_ms=0, band=band)
        return cls(ZoneIndex.build([place], vertical))

    def stands(self, points: Points) -> Stands:
        """Where the points are; the boundary counts as inside."""
        placement = self.index.locate(points)
        touched = np.zeros(len(points), dtype=np.bool_)
        touched[placement.point] = True
        relation = self.index.columns.vertical(points, np.arange(len(points)), np.zeros(len(points), dtype=np.int64))
        beyond = (relation == VerticalRelation.BELOW) | (relation == VerticalRelation.ABOVE)
        return Stands(
            inside=touched & ~beyond,
            outside=beyond | (~touched & ~np.isnan(points.radius_m)),
            depth_m=np.fmin(self._depth_m(placement.x_m, placement.y_m), self._room_m(points)),
        )

    def approached(self, points: Points, motion: Motion, within_s: float = AHEAD_S) -> Flags:
        """Who would touch the place within this time, straight on at its speeds; who is inside does already.

        Without a heading it may go anywhere, without a speed as fast as its kind can; an aircraft that
        does not state its vertical speed may be at any height by then.
        """
        x_m, y_m = self.index.project(points.lon, points.lat)
        reach_m = np.where(np.isnan(motion.speed_mps), motion.top_speed_mps, motion.speed_mps) * within_s
        aimless = np.isnan(motion.heading_deg)
        heading = np.radians(np.where(aimless, 0.0, motion.heading_deg))
        along_m = np.maximum(np.where(aimless, 0.0, reach_m), _SHORTEST_M)
        ends = np.column_stack([x_m + along_m * np.sin(heading), y_m + along_m * np.cos(heading)])
        paths = np.asarray(shapely.linestrings(np.stack([np.column_stack([x_m, y_m]), ends], axis=1)), dtype=object)
        radius_m = np.where(np.isnan(points.radius_m), UNKNOWN_RADIUS_M, points.radius_m)
        margin_m = radius_m + np.where(aimless, reach_m, 0.0)
        touched: Flags = shapely.distance(self._area, paths) <= margin_m
        rows = np.flatnonzero(touched)
        timed = ~(aimless | np.isnan(motion.speed_mps) | (along_m == _SHORTEST_M))[rows]
        first, last = _over(self._area, paths[rows], margin_m[rows])
        first = np.where(timed, first, 0.0) * within_s
        last = np.where(timed, last, 1.0) * within_s
        touched[rows] = self._meets_band(points.take(rows), motion.vertical_speed_mps[rows], first, last)
        return touched

    @property
    def _area(self) -> BaseGeometry:
        area: BaseGeometry = self.index.shapes[0]
        return area

    def _depth_m(self, x_m: Reals, y_m: Reals) -> Reals:
        away_m = shapely.distance(self.index.exact.boundaries[0], shapely.points(x_m, y_m))
        depth_m: Reals = np.where(shapely.intersects_xy(self._area, x_m, y_m), away_m, -away_m)
        return depth_m

    def _altitude_m(self, points: Points) -> Reals:
        """In the datum of the band; NaN where it is not known."""
        columns = self.index.columns
        offset_m: Reals = columns.offsets_m[points.altitude_datum, columns.datum[0]]
        return points.altitude_m + offset_m

    def _room_m(self, points: Points) -> Reals:
        """How far it is up or down out of the band: NaN where nobody knows, infinite without a band."""
        columns = self.index.columns
        altitude_m = self._altitude_m(points)
        if np.isinf(columns.lower_m[0]) and np.isinf(columns.upper_m[0]):
            return np.full(len(points), np.inf)
        room_m: Reals = np.minimum(altitude_m - columns.lower_m[0], columns.upper_m[0] - altitude_m)
        return room_m

    def _meets_band(self, points: Points, climb_mps: Reals, from_s: Reals, until_s: Reals) -> Flags:
        """Whether the altitude touches the band between two times; what is not known may."""
        altitude_m, spread_m = self._altitude_m(points), points.vertical_radius_m
        begins_m, ends_m = altitude_m + climb_mps * from_s, altitude_m + climb_mps * until_s
        zone: Integers = np.zeros(len(points), dtype=np.int64)
        relation = self.index.columns.relation(
            zone, np.minimum(begins_m, ends_m) - spread_m, np.maximum(begins_m, ends_m) + spread_m
        )
        meets: Flags = (relation != VerticalRelation.BELOW) & (relation != VerticalRelation.ABOVE)
        return meets


@lru_cache(maxsize=_PLACES_KEPT)
def closed_place(place: DemandedPlace, vertical: VerticalReference) -> ClosedPlace:
    """The place of a directive, compiled once. Raises InvalidZone."""
    band = None
    if place.datum is not None and (place.lower_m is not None or place.upper_m is not None):
        band = VerticalBand(place.lower_m, place.upper_m, Datum(place.datum))
    return ClosedPlace.of(shapely.from_geojson(place.geometry), band, vertical)


def _over(area: BaseGeometry, paths: NDArray[np.object_], margin_m: Reals) -> tuple[Reals, Reals]:
    """The part [first, last] of each path, from 0 to 1, on which it is within the margin of the area."""
    met = shapely.intersection(paths, shapely.buffer(area, margin_m + _ARC_M))
    first, last = np.ones(len(paths)), np.zeros(len(paths))
    coordinates, path = shapely.get_coordinates(met, return_index=True)
    starts = shapely.get_coordinates(shapely.get_point(paths, 0))
    part = np.hypot(*(coordinates - starts[path]).T) / np.maximum(shapely.length(paths), 1e-9)[path]
    np.minimum.at(first, path, part)
    np.maximum.at(last, path, part)
    return first, last
