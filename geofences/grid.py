"""A uniform grid of cells in compressed rows: most pairs of point and zone are settled by two additions.

With d the signed distance of the cell's centre from a zone's boundary and e the point's distance
from the centre, the point's own signed distance lies in [d - e, d + e]. What that leaves open is
settled by the few edges stored with the cell: the nearest one gives the distance, and the number
of edges between centre and point gives the side. Where rounding could change an answer, the
prepared geometry is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geofences.columns import freeze
from geofences.exact import ExactShapes
from geofences.ledger import Ledger
from geofences.placement import Codes, Flags, Integers, Reals
from geofences.ragged import spread
from geofences.raster import DEPTH, EDGE_COUNT, EDGE_START, SLACK_M, ZONE, Edges, Frame, Numbers, draw
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
    """Pairs (m,) that are not OUTSIDE at first sight, sorted by point.

    `entries` (m, 4) are those of the grid, `places` (n, 5) the points: x, y, their offset east and
    north of their cell's centre, radius.
    """

    point: Integers
    zone: Integers
    entries: Numbers
    is_inside: Flags
    places: Reals

    def keep(self, pairs: Flags) -> Candidates:
        """Only the flagged pairs."""
        return Candidates(self.point[pairs], self.zone[pairs], self.entries[pairs], self.is_inside[pairs], self.places)


#: What is no longer referred to is left where it is up to this share of what is in use, and this number.
_UNUSED_SHARE, _UNUSED = 1.0, 65_536

#: Rows that are tidied together; bounds the memory it takes.
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Entries by cell: `run` (cells, 2) says where a cell's entries start and how many they are.

    It answers for circles of up to `reach_m`. The columns of an
    entry are raster's. `edge` are rows of `edges`
    (e, 5): start x and y, unit direction x and y, length. `row` (slots,) gives the zone's row in
    the index, -1 for a slot without zone: a zone keeps its slot while other rows come and go, so
    that grids of different ages share their entries. A cell's entries are in the order of rows.
    """

    frame: Frame
    reach_m: float
    row: Integers
    run: Numbers
    entries: Ledger[np.int32]
    edge: Ledger[np.int32]
    edges: Ledger[np.float64]

    @classmethod
    def of(cls, shapes: NDArray[np.object_], slot: Integers, row: Integers, frame: Frame, reach_m: float) -> Grid:
        """Draw areas (m,) with their slots (m,) into a frame that holds them with their reach.

        `row` (slots,) numbers the zones, the areas in ascending order.
        """
        grid = cls(
            frame,
            reach_m,
            np.zeros(0, dtype=np.int64),
            np.zeros((frame.columns * frame.rows, 2), dtype=np.int32),
            Ledger(np.zeros((0, 4), dtype=np.int32)),
            Ledger(np.zeros(0, dtype=np.int32)),
            Ledger(np.zeros((0, 5))),
        )
        return grid.changed(row, shapes, slot, shapes[:0])

    @property
    def nbytes(self) -> int:
        """Size of the arrays."""
        arrays = (self.row, self.run, self.entries.rows, self.edge.rows, self.edges.rows)
        return sum(array.nbytes for array in arrays)

    def renumbered(self, row: Integers) -> Grid:
        """The same zones in the same order, whose rows have changed."""
        return self._with(row=row)

    def changed(self, row: Integers, come: NDArray[np.object_], slot: Integers, gone: NDArray[np.object_]) -> Grid:
        """A grid with the areas `come` in the new slots `slot`, and without the areas `gone`.

        `row` numbers the zones anew: those that stay must keep their order, and those that come must
        ascend. The frame must hold the new areas with their reach.
        """
        drawn_edges = Edges.of(come, np.arange(len(come)))
        drawn = draw(drawn_edges, self.frame, self.reach_m, len(self.edges.rows))
        # A little farther than they were drawn, since the frame may have grown since and rounding with it.
        left = draw(Edges.of(gone, np.arange(len(gone))), self.frame, self.reach_m + SLACK_M).cell
        fresh = drawn.rows
        fresh[:, ZONE] = slot.take(fresh[:, ZONE])
        fresh[:, EDGE_START] += len(self.edge.rows)
        cell, entries = self._with_stayed(row, left, drawn.cell, fresh)
        first = np.flatnonzero(np.concatenate([np.ones(min(1, len(cell)), dtype=np.bool_), cell[1:] != cell[:-1]]))
        run = self.run.copy()
        run[left] = 0
        run[cell[first], 0] = first + len(self.entries.rows)
        run[cell[first], 1] = np.diff(first, append=len(cell))
        return self._with(
            row=row,
            run=run,
            entries=self.entries.extended(entries),
            edge=self.edge.extended(drawn.edge),
            edges=self.edges.extended(_directed(drawn_edges)),
        ).tidied()

    def _with_stayed(self, row: Integers, left: Numbers, cell: Numbers, fresh: Numbers) -> tuple[Numbers, Numbers]:
        """New entries with their cells (m,), and those that stay in these and the left cells; by cell, then by row."""
        if len(self.entries.rows) == 0:
            return cell, fresh
        cells = np.unique(np.concatenate([cell, left]))
        owner, item = spread(self.run[cells, 0], self.run[cells, 1])
        stayed = self.entries.rows.take(item, axis=0)
        alive = row[stayed[:, ZONE]] >= 0
        cell = np.concatenate([cells[owner[alive]], cell])
        entries = np.concatenate([stayed[alive], fresh])
        order = np.lexsort((row[entries[:, ZONE]], cell))
        return cell[order], entries[order]

    def tidied(self) -> Grid:
        """The same grid without its unused entries and edges, once they are many."""
        cells = np.flatnonzero(self.run[:, 1])
        count = self.run[cells, 1]
        if len(self.entries.rows) <= _allowed(int(count.sum())):
            return self
        entries = Ledger(self.entries.rows[:0])
        for part in _parts(len(cells)):
            _, item = spread(self.run[cells[part], 0], count[part])
            entries = entries.extended(self.entries.rows.take(item, axis=0))
        run = self.run.copy()
        run[cells, 0] = np.cumsum(count) - count
        grid = self._with(run=run, entries=entries)
        used = int(entries.rows[:, EDGE_COUNT].sum(dtype=np.int64))
        return grid if len(self.edge.rows) <= _allowed(used) else grid.with_used_edges()

    def with_used_edges(self) -> Grid:
        """The same grid without the edges that no entry refers to; all its entries must be in use."""
        entries = self.entries.rows.copy()
        edge, drawn = Ledger(self.edge.rows[:0]), np.zeros(len(self.edges.rows), dtype=np.bool_)
        for part in _parts(len(entries)):
            _, item = spread(entries[part, EDGE_START], entries[part, EDGE_COUNT])
            numbers = self.edge.rows.take(item)
            drawn[numbers] = True
            edge = edge.extended(numbers)
        entries[:, EDGE_START] = np.cumsum(entries[:, EDGE_COUNT]) - entries[:, EDGE_COUNT]
        number = np.cumsum(drawn, dtype=np.int32) - np.int32(1)
        return self._with(
            entries=Ledger(entries), edge=Ledger(number.take(edge.rows)), edges=Ledger(self.edges.rows[drawn])
        )

    def within(self, frame: Frame) -> Grid:
        """The same grid in a larger frame, see Frame.holding."""
        if frame == self.frame:
            return self
        west, south = self.frame.offset_in(frame)
        run = np.zeros((frame.rows, frame.columns, 2), dtype=np.int32)
        old = self.run.reshape(self.frame.rows, self.frame.columns, 2)
        run[south : south + self.frame.rows, west : west + self.frame.columns] = old
        return self._with(frame=frame, run=run.reshape(-1, 2))

    def _with(self, **changes: Any) -> Grid:
        grid = replace(self, **changes)
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
        run = self.run.take((row * frame.columns + column).astype(np.int64), axis=0)
        point, item = spread(run[:, 0], run[:, 1])
        places = np.empty((len(x_m), 5))
        places[:, 0], places[:, 1], places[:, 4] = x_m, y_m, radius_m
        east_m = places[:, 2] = x_m - (frame.west_m + (column + 0.5) * frame.cell_m)
        north_m = places[:, 3] = y_m - (frame.south_m + (row + 0.5) * frame.cell_m)
        margin_m = (np.sqrt(east_m * east_m + north_m * north_m) + (radius_m + SLACK_M)).take(point)
        entries = self.entries.rows.take(item, axis=0)
        depth_m = entries[:, DEPTH].view(np.float32)
        pairs = (depth_m >= -margin_m).nonzero()[0]
        entries = entries.take(pairs, axis=0)
        is_inside = depth_m.take(pairs) >= margin_m.take(pairs)
        return Candidates(point.take(pairs), self.row.take(entries[:, ZONE]), entries, is_inside, places)

    def containment(self, candidates: Candidates, exact: ExactShapes) -> Codes:
        """Containment (m,) of the candidate pairs."""
        containment = np.empty(len(candidates.point), dtype=np.int8)
        containment.fill(Containment.INSIDE)
        # A pair without edges has none within reach: its depth settles it, whatever the rounding.
        count = candidates.entries[:, EDGE_COUNT]
        rows = ((count > 0) > candidates.is_inside).nonzero()[0]
        if len(rows) == 0:
            return containment
        places = candidates.places.take(candidates.point.take(rows), axis=0)
        distance_m, within, doubtful = self._sides(candidates.entries.take(rows, axis=0), places)
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

    def _sides(self, entries: Numbers, places: Reals) -> tuple[Reals, Flags, Flags]:
        """For pairs (k,) with edges: distance from the boundary, is it inside, and is that in doubt?"""
        count = entries[:, EDGE_COUNT]
        pair, item = spread(entries[:, EDGE_START], count)
        starts = count.cumsum() - count
        edge_x, edge_y, ahead_x, ahead_y, length = self.edges.rows.take(self.edge.rows.take(item), axis=0).T
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
        within = np.logical_xor.reduceat(met, starts) ^ (entries[:, DEPTH].view(np.float32) > 0)
        return np.sqrt(squared), within, self._doubtful(parted_points, parted_ends, starts)

    def _doubtful(self, parted_points: Reals, parted_ends: Reals, starts: NDArray[np.integer]) -> Flags:
        """Of which pairs is an edge so nearly in line with the way that rounding could tell its side?"""
        cell_m = self.frame.cell_m
        points, ends = np.abs(parted_points), np.abs(parted_ends)
        if points.min() >= _DOUBT * cell_m and ends.min() >= _DOUBT * cell_m**3:
            return np.zeros(len(starts), dtype=np.bool_)
        return np.logical_or.reduceat((points < _DOUBT * cell_m) | (ends < _DOUBT * cell_m**3), starts)


def _allowed(used: int) -> float:
    """How many rows a ledger may have of which so many are used."""
    return used * (1 + _UNUSED_SHARE) + _UNUSED


def _parts(rows: int) -> list[slice]:
    return [slice(first, first + _ROWS_AT_ONCE) for first in range(0, rows, _ROWS_AT_ONCE)]


def _directed(edges: Edges) -> Reals:
    """The edges as rows (e, 5) of a grid."""
    length_m = np.hypot(edges.dx_m, edges.dy_m)
    return np.column_stack([edges.x_m, edges.y_m, edges.dx_m / length_m, edges.dy_m / length_m, length_m])
