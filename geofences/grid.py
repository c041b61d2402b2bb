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

#: A product of two cross products smaller than this many cell areas leaves a side in doubt.
_DOUBT = 1.6e-7


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs (m,) that are not OUTSIDE at first sight, sorted by point; `entry` is a row of the grid.

    `east_m` and `north_m` (n,) are the points' offsets from the centres of their cells.
    """

    point: Integers
    zone: Integers
    entry: Integers
    is_inside: Flags
    east_m: Reals
    north_m: Reals

    def keep(self, pairs: Flags) -> Candidates:
        """Only the flagged pairs."""
        return Candidates(
            self.point[pairs], self.zone[pairs], self.entry[pairs], self.is_inside[pairs], self.east_m, self.north_m
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Entries by cell: cell i holds the entries `first[i]` to `first[i + 1]`; see raster.Entries.

    It answers for circles of up to `reach_m`. `edges` has shape (e, 5): start, step, and the
    inverse squared length of each edge.
    """

    frame: Frame
    reach_m: float
    first: NDArray[np.int32]
    zone: Integers
    depth_m: NDArray[np.float32]
    edge_start: Integers
    edge_count: Integers
    edge: NDArray[np.int32]
    edges: Reals

    @classmethod
    def of(cls, shapes: NDArray[np.object_], zone: Integers, frame: Frame, reach_m: float) -> Grid:
        """Draw areas (m,), which are the zones (m,), ascending, into a frame that holds them with their reach."""
        edges = Edges.of(shapes, zone)
        entries = draw(edges, frame, reach_m)
        first = np.zeros(frame.columns * frame.rows + 2, dtype=np.int32)
        np.cumsum(np.bincount(entries.cell, minlength=len(first) - 1), out=first[1:])
        inverse = 1 / (edges.dx_m**2 + edges.dy_m**2)
        grid = cls(
            frame,
            reach_m,
            first,
            entries.zone,
            entries.depth_m,
            entries.edge_start,
            entries.edge_count,
            entries.edge,
            np.column_stack([edges.x_m, edges.y_m, edges.dx_m, edges.dy_m, inverse]),
        )
        freeze(grid)
        return grid

    def candidates(self, x_m: Reals, y_m: Reals, radius_m: Reals) -> Candidates:
        """Pairs of the circles (n,), none larger than `reach_m`, that the depths alone do not exclude."""
        frame = self.frame
        column = np.floor((x_m - frame.west_m) / frame.cell_m)
        row = np.floor((y_m - frame.south_m) / frame.cell_m)
        framed = (column >= 0) & (column < frame.columns) & (row >= 0) & (row < frame.rows)
        # Points off the frame take its last, always empty cell: `first` ends with it twice.
        cell = np.where(framed, row * frame.columns + column, frame.columns * frame.rows).astype(np.int64)
        start = self.first[cell].astype(np.int64)
        point, entry = spread(start, self.first[cell + 1] - start)
        east_m = x_m - (frame.west_m + (column + 0.5) * frame.cell_m)
        north_m = y_m - (frame.south_m + (row + 0.5) * frame.cell_m)
        margin_m = (np.sqrt(east_m * east_m + north_m * north_m) + (radius_m + SLACK_M))[point]
        depth_m = self.depth_m[entry]
        pairs = np.flatnonzero(depth_m >= -margin_m)
        point, entry, is_inside = point[pairs], entry[pairs], depth_m[pairs] >= margin_m[pairs]
        return Candidates(point, self.zone[entry], entry, is_inside, east_m, north_m)

    def containment(self, candidates: Candidates, x_m: Reals, y_m: Reals, radius_m: Reals, exact: ExactShapes) -> Codes:
        """Containment (m,) of the candidate pairs; coordinates and radii are those of the points (n,)."""
        containment = np.full(len(candidates.point), Containment.INSIDE, dtype=np.int8)
        # A pair without edges has none within reach: its depth settles it, whatever the rounding.
        rows = np.flatnonzero(~candidates.is_inside & (self.edge_count[candidates.entry] > 0))
        if len(rows) == 0:
            return containment
        point, entry = candidates.point[rows], candidates.entry[rows]
        x_m, y_m, radius_m = x_m[point], y_m[point], radius_m[point]
        offset = candidates.east_m[point], candidates.north_m[point]
        distance_m, within, doubtful = self._sides(entry, x_m, y_m, offset)
        apart = distance_m > radius_m
        answer = np.where(apart & ~within, Containment.OUTSIDE, Containment.UNCERTAIN).astype(np.int8)
        answer[apart & within] = Containment.INSIDE
        near = np.abs(distance_m - radius_m) < _TIE_M
        asked = np.flatnonzero(near | (doubtful & apart))
        if len(asked):
            zone = candidates.zone[rows[asked]]
            answer[asked] = exact.containment(zone, x_m[asked], y_m[asked], radius_m[asked])
        containment[rows] = answer
        return containment

    def _sides(
        self, entry: Integers, x_m: Reals, y_m: Reals, offset: tuple[Reals, Reals]
    ) -> tuple[Reals, Flags, Flags]:
        """For pairs (k,) with edges: distance from the boundary, is it inside, and is that in doubt?"""
        count = self.edge_count[entry]
        pair, item = spread(self.edge_start[entry], count)
        starts = np.cumsum(count) - count
        edge_x, edge_y, dx, dy, inverse = self.edges[self.edge[item]].T
        east, north = offset[0][pair], offset[1][pair]
        to_x, to_y = x_m[pair] - edge_x, y_m[pair] - edge_y
        along = np.clip((to_x * dx + to_y * dy) * inverse, 0.0, 1.0)
        off_x, off_y = to_x - along * dx, to_y - along * dy
        squared = np.minimum.reduceat(off_x * off_x + off_y * off_y, starts)
        # The way from the centre to the point meets the edge when each parts the ends of the other.
        point_side = dx * to_y - dy * to_x
        turn = dx * north - dy * east
        edge_side = north * to_x - east * to_y
        parted_points = point_side * (point_side - turn)
        parted_ends = edge_side * (edge_side - turn)
        met = (parted_points < 0) & (parted_ends < 0)
        within = np.logical_xor.reduceat(met, starts) ^ (self.depth_m[entry] > 0)
        doubt = np.minimum(np.abs(parted_points), np.abs(parted_ends)) < _DOUBT * self.frame.cell_m**2
        return np.sqrt(squared), within, np.logical_or.reduceat(doubt, starts)
