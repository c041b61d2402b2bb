"""The straight way between two consecutive fixes, against zones that neither of the fixes is in.

A fast vehicle must not jump over a thin restricted zone. A crossing is certain (INSIDE) when every
straight way from the one accuracy circle to the other meets the zone, both circles being wholly
outside of it, and the whole vertical range of the way lies in its band. Everything less is
UNCERTAIN.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geofences.index import ZoneIndex
from geofences.levels import REACH_M
from geofences.placement import UNKNOWN_RADIUS_M, Codes, Flags, Integers, Points, Reals
from geofences.zones import Containment, VerticalRelation, ZoneKind

_QUARTER_SEGMENTS = 8
#: A polygon of that many segments to the quarter lies inside its circle; this makes it lie outside.
_OUTER = 1 / np.cos(np.pi / (4 * _QUARTER_SEGMENTS))


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Pairs of a segment and a zone revision that it crosses, sorted by segment.

    `certainty` is a Containment: INSIDE certain, UNCERTAIN possible. Others are not listed.
    `unscheduled` is a Placement's.
    """

    segment: Integers
    zone: Integers
    certainty: Codes
    unscheduled: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Barriers:
    """The zones of an index whose crossing matters: `zone` their rows, `is_barrier` (z,) flags, `tree` their areas."""

    index: ZoneIndex
    zone: Integers
    is_barrier: Flags
    tree: shapely.STRtree

    @classmethod
    def of(cls, index: ZoneIndex, kinds: Collection[ZoneKind] = (ZoneKind.RESTRICTED,)) -> Barriers:
        """The zones of these kinds."""
        is_barrier = index.of_kind(kinds)
        zone = np.flatnonzero(is_barrier)
        return cls(index, zone, is_barrier, shapely.STRtree(index.shapes[zone]))

    def crossings(self, start: Points, end: Points) -> Crossings:
        """Crossings of the m segments from start (m,) to end (m,), by zones in force at the end's time.

        A zone that holds the start or the end point itself is not listed: the points' own
        placement tells of it. Raises ValueError for points that have no place (see Points.check).
        """
        start.check()
        end.check()
        starts = np.column_stack(self.index.project(start.lon, start.lat))
        ends = np.column_stack(self.index.project(end.lon, end.lat))
        near = self._near(starts, ends)
        ways = shapely.linestrings(np.stack([starts[near], ends[near]], axis=1))
        row, barrier = self.tree.query(ways, predicate="intersects")
        segment, zone = near[row], self.zone[barrier]
        pairs = self.index.columns.in_force(zone, end.timestamp_ms[segment])
        for places in (starts, ends):
            pairs &= ~shapely.intersects_xy(self.index.shapes[zone], places[segment, 0], places[segment, 1])
        segment, zone = segment[pairs], zone[pairs]
        vertical = self._vertical(start, end, segment, zone)
        possible = (vertical == VerticalRelation.INSIDE) | (vertical == VerticalRelation.UNCERTAIN)
        segment, zone, vertical = segment[possible], zone[possible], vertical[possible]
        unscheduled = self.index.columns.unscheduled(zone, end.timestamp_ms[segment])
        certain = (vertical == VerticalRelation.INSIDE) & ~unscheduled
        certain &= _unavoidable(
            self.index.shapes[zone],
            (starts[segment], start.radius_m[segment]),
            (ends[segment], end.radius_m[segment]),
        )
        order = np.lexsort((zone, segment))
        certainty = np.where(certain, Containment.INSIDE, Containment.UNCERTAIN).astype(np.int8)
        return Crossings(segment[order], zone[order], certainty[order], unscheduled[order])

    def _near(self, starts: Reals, ends: Reals) -> Integers:
        """Rows of the segments that may cross: long ones, and those whose circle comes near a zone."""
        middle = (starts + ends) / 2
        half_m = np.hypot(*(ends - starts).T) / 2
        near = half_m > REACH_M
        for grid in self.index.grids:
            circles = grid.candidates(middle[:, 0], middle[:, 1], np.minimum(half_m, REACH_M))
            near[circles.point[self.is_barrier[circles.zone]]] = True
        return np.flatnonzero(near)

    def _vertical(self, start: Points, end: Points, segment: Integers, zone: Integers) -> Codes:
        """VerticalRelation of all altitudes between the two points, the vertical radii included."""
        columns = self.index.columns
        lowest = np.full(len(segment), np.inf)
        highest = np.full(len(segment), -np.inf)
        for points in (start, end):
            altitude_m = (
                points.altitude_m[segment] + columns.offsets_m[points.altitude_datum[segment], columns.datum[zone]]
            )
            radius_m = points.vertical_radius_m[segment]
            lowest = np.minimum(lowest, altitude_m - radius_m)  # NaN stays NaN: unknown at one end is unknown
            highest = np.maximum(highest, altitude_m + radius_m)
        return columns.relation(zone, lowest, highest)


def crossings(
    index: ZoneIndex, start: Points, end: Points, kinds: Collection[ZoneKind] = (ZoneKind.RESTRICTED,)
) -> Crossings:
    """Crossings of zones of some kinds; for one call. Keep `Barriers.of(index, kinds)` for many."""
    return Barriers.of(index, kinds).crossings(start, end)


def _unavoidable(shapes: NDArray[np.object_], start: tuple[Reals, Reals], end: tuple[Reals, Reals]) -> Flags:
    """For each pair: does the area part the hull of the two circles, with one circle on each side?"""
    flags = np.zeros(len(shapes), dtype=np.bool_)
    for pair, shape in enumerate(shapes):
        ends = [_circle(place[pair], radius_m[pair]) for place, radius_m in (start, end)]
        if any(shapely.intersects(shape, circle) for circle in ends):
            continue
        ways = shapely.convex_hull(shapely.union_all(ends))
        rest = shapely.get_parts(shapely.difference(ways, shape))
        flags[pair] = not any(all(shapely.intersects(part, circle) for circle in ends) for part in rest)
    return flags


def _circle(place: Reals, radius_m: float) -> BaseGeometry:
    radius_m = UNKNOWN_RADIUS_M if np.isnan(radius_m) else radius_m
    point = shapely.Point(place)
    return shapely.buffer(point, radius_m * _OUTER, quad_segs=_QUARTER_SEGMENTS) if radius_m > 0 else point
