"""A uniform grid of cells in compressed rows: most pairs of point and zone are settled by two additions.

With d the signed distance of the cell's centre from a zone's boundary and e the point's distance
from the centre, the point's own signed distance lies in [d - e, d + e]. What that leaves open is
settled by the few edges stored with the cell: the nearest one gives the distance, and the number
of edges between centre and point gives the side. Where rounding could change an answer, the
prepared geometry is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofences.columns import freeze
from geofences.exact import ExactShapes
from geofences.placement import Codes, Flags, Integers, Reals
from geofences.ragged import spread
from geofences.raster import SLACK_M, Edges, Frame, draw
from geofences.zones import Containment

#: Answers that hang on less than this are given by the exact geometry.
_TIE_M = 1e-6

#: Products of two distances from a line smaller than this (metres, times the cell's side) leave in doubt on
#: which sides of it the two places lie; it is a thousand times what rounding can do to them.
_DOUBT = 1e-7

#: By twice "its centre is within" plus "the boundary is farther than the radius".
_ANSWERS = np.array(
    [Containment.UNCERTAIN, Containment.OUTSIDE, Containment.UNCERTAIN, Containment.INSIDE], dtype=np.int8
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs (m,) that are not OUTSIDE at first sight, sorted by point; `entry` is a row of the grid.

    `places` (n, 5) are the points: x, y, their offset east and north of their cell's centre, radius.
    """

    point: Integers
    zone: Integers
    entry: Integers
    is_inside: Flags
    places: Reals

    def keep(self, pairs: Flags) -> Candidates:
        """Only the flagged pairs."""
        return Candidates(self.point[pairs], self.zone[pairs], self.entry[pairs], self.is_inside[pairs], self.places)


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Entries by cell: cell i holds the entries `first[i]` to `first[i + 1]`; see raster.Entries.

    It answers for circles of up to `reach_m`. `edges` has shape (e, 5): start x and y, unit
    direction x and y, length of each edge.
    """

    frame: Frame
    reach_m: float
    first: NDArray[np.int32]
    zone: NDArray[np.int32]
    depth_m: NDArray[np.float32]
    edge_start: NDArray[np.int32]
    edge_count: NDArray[np.int32]
    edge: NDArray[np.int32]
    edges: Reals

    @classmethod
    def of(cls, shapes: NDArray[np.object_], zone: Integers, frame: Frame, reach_m: float) -> Grid:
        """Draw areas (m,), which are the zones (m,), ascending, into a frame that holds them with their reach."""
        edges = Edges.of(shapes, zone)
        entries = draw(edges, frame, reach_m)
        first = np.zeros(frame.columns * frame.rows + 1, dtype=np.int32)
        np.cumsum(np.bincount(entries.cell, minlength=len(first) - 1), out=first[1:])
        length_m = np.hypot(edges.dx_m, edges.dy_m)
        grid = cls(
            frame,
            reach_m,
            first,
            entries.zone,
            entries.depth_m,
            entries.edge_start,
            entries.edge_count,
            entries.edge,
            np.column_stack([edges.x_m, edges.y_m, edges.dx_m / length_m, edges.dy_m / length_m, length_m]),
        )
        freeze(grid)
        return grid

    def candidates(self, x_m: Reals, y_m: Reals, radius_m: Reals) -> Candidates:
        """Pairs of the circles (n,), none larger than `reach_m`, that the depths alone do not exclude."""
        frame = self.frame
        # Points off the frame take one of its outermost cells, which are all empty (see Frame.around).
        column = np.floor((x_m - frame.west_m) * (1 / frame.cell_m))
        row = np.floor((y_m - frame.south_m) * (1 / frame.cell_m))
        column = np.minimum(np.maximum(column, 0.0), frame.columns - 1.0)
        row = np.minimum(np.maximum(row, 0.0), frame.rows - 1.0)
        cell = (row * frame.columns + column).astype(np.int64)
        start = self.first.take(cell)
        point, entry = spread(start, self.first.take(cell + 1) - start)
        places = np.empty((len(x_m), 5))
        places[:, 0], places[:, 1], places[:, 4] = x_m, y_m, radius_m
        east_m = places[:, 2] = x_m - (frame.west_m + (column + 0.5) * frame.cell_m)
        north_m = places[:, 3] = y_m - (frame.south_m + (row + 0.5) * frame.cell_m)
        margin_m = (np.sqrt(east_m * east_m + north_m * north_m) + (radius_m + SLACK_M)).take(point)
        depth_m = self.depth_m.take(entry)
        pairs = (depth_m >= -margin_m).nonzero()[0]
        point, entry = point.take(pairs), entry.take(pairs)
        is_inside = depth_m.take(pairs) >= margin_m.take(pairs)
        return Candidates(point, self.zone.take(entry).astype(np.int64), entry, is_inside, places)

    def containment(self, candidates: Candidates, exact: ExactShapes) -> Codes:
        """Containment (m,) of the candidate pairs."""
        containment = np.empty(len(candidates.point), dtype=np.int8)
        containment.fill(Containment.INSIDE)
        # A pair without edges has none within reach: its depth settles it, whatever the rounding.
        count = self.edge_count.take(candidates.entry)
        rows = ((count > 0) > candidates.is_inside).nonzero()[0]
        if len(rows) == 0:
            return containment
        places = candidates.places.take(candidates.point.take(rows), axis=0)
        distance_m, within, doubtful = self._sides(
            candidates.entry.take(rows), count.take(rows).astype(np.int64), places
        )
        x_m, y_m, _, _, radius_m = places.T
        beyond_m = distance_m - radius_m
        apart = beyond_m > 0
        answer = _ANSWERS.take(within * 2 + apart)
        asked = ((np.abs(beyond_m) < _TIE_M) | (doubtful & apart)).nonzero()[0]
        if len(asked):
            zone = candidates.zone[rows[asked]]
            answer[asked] = exact.containment(zone, x_m[asked], y_m[asked], radius_m[asked])
        containment[rows] = answer
        return containment

    def _sides(self, entry: Integers, count: Integers, places: Reals) -> tuple[Reals, Flags, Flags]:
        """For pairs (k,) with edges: distance from the boundary, is it inside, and is that in doubt?"""
        pair, item = spread(self.edge_start.take(entry), count)
        starts = count.cumsum() - count
        edge_x, edge_y, ahead_x, ahead_y, length = self.edges.take(self.edge.take(item), axis=0).T
        x, y, east, north, _ = places.take(pair, axis=0).T
        x, y = x - edge_x, y - edge_y
        along, off = x * ahead_x + y * ahead_y, ahead_x * y - ahead_y * x
        beyond = np.maximum(np.maximum(along - length, -along), 0.0)
        squared = np.minimum.reduceat(off * off + beyond * beyond, starts)
        # The way from the centre to the point meets the edge when each parts the ends of the other.
        turn = ahead_x * north - ahead_y * east
        side = north * x - east * y
        parted_points, parted_ends = off * (off - turn), side * (side - length * turn)
        met = np.maximum(parted_points, parted_ends) < 0
        within = np.logical_xor.reduceat(met, starts) ^ (self.depth_m.take(entry) > 0)
        return np.sqrt(squared), within, self._doubtful(parted_points, parted_ends, starts)

    def _doubtful(self, parted_points: Reals, parted_ends: Reals, starts: Integers) -> Flags:
        """Of which pairs is an edge so nearly in line with the way that rounding could tell its side?"""
        cell_m = self.frame.cell_m
        points, ends = np.abs(parted_points), np.abs(parted_ends)
        if points.min() >= _DOUBT * cell_m and ends.min() >= _DOUBT * cell_m**3:
            return np.zeros(len(starts), dtype=np.bool_)
        return np.logical_or.reduceat((points < _DOUBT * cell_m) | (ends < _DOUBT * cell_m**3), starts)
