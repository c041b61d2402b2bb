"""Drawing areas into a grid: which cells each area covers or comes near, how deep, and by which edges.

An area is near a cell when it comes within `reach_m` of any place in it. Each such (cell, area)
pair becomes an entry with the signed distance of the cell's centre from the area's boundary
(positive inside) and the boundary's edges that can matter to circles of up to `reach_m` around
places in the cell. All areas are drawn at once, edge by edge, without a loop over areas or cells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.ledger import Ledger
from geofences.placement import Flags, Integers, Reals
from geofences.ragged import spread

#: Slack over all rounding: of float32 depths, and of cell numbers at cell borders.
SLACK_M = 1e-3

#: Pairs of edge and cell that are looked at together; bounds the memory of a build.
_PAIRS_AT_ONCE = 200_000

#: A frame that grows, grows by so many cells more than it must.
_ROOM_CELLS = 32

Numbers = NDArray[np.int32]

_NONE = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Frame:
    """A grid's place in the plane: south-west corner, square cells, columns eastwards, rows northwards."""

    west_m: float
    south_m: float
    cell_m: float
    columns: int
    rows: int

    @classmethod
    def around(cls, bounds: Sequence[float], cell_m: float, reach_m: float) -> Frame:
        """A frame for areas within bounds (west, south, east, north), whose outermost cells stay empty."""
        west, south, east, north = bounds
        margin_m = reach_m + 2 * cell_m
        columns = int((east - west + 2 * margin_m) / cell_m) + 1
        rows = int((north - south + 2 * margin_m) / cell_m) + 1
        return cls(float(west - margin_m), float(south - margin_m), cell_m, columns, rows)

    def holding(self, bounds: Sequence[float], reach_m: float) -> Frame:
        """This frame, or one larger by whole cells (and some room) where areas within bounds need it."""
        needed = Frame.around(bounds, self.cell_m, reach_m)

        def cells(missing_m: float) -> int:
            return math.ceil(missing_m / self.cell_m) + _ROOM_CELLS if missing_m > 0 else 0

        west, south = cells(self.west_m - needed.west_m), cells(self.south_m - needed.south_m)
        east = cells(needed.west_m - self.west_m + (needed.columns - self.columns) * self.cell_m)
        north = cells(needed.south_m - self.south_m + (needed.rows - self.rows) * self.cell_m)
        return Frame(
            self.west_m - west * self.cell_m,
            self.south_m - south * self.cell_m,
            self.cell_m,
            self.columns + west + east,
            self.rows + south + north,
        )

    def offset_in(self, larger: Frame) -> tuple[int, int]:
        """Column and row of this frame's south-west cell in a larger frame made by `holding`."""
        return (
            round((self.west_m - larger.west_m) / self.cell_m),
            round((self.south_m - larger.south_m) / self.cell_m),
        )

    @property
    def half_diagonal_m(self) -> float:
        """The largest distance of a place in a cell from its centre."""
        return self.cell_m / math.sqrt(2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Straight edges of all boundaries, columns (e,) in metres, sorted by `zone`; none has length 0."""

    zone: Integers
    x_m: Reals
    y_m: Reals
    dx_m: Reals
    dy_m: Reals

    @classmethod
    def of(cls, shapes: NDArray[np.object_], zone: Integers) -> Edges:
        """Edges of the rings of polygons and multipolygons; `zone` numbers the shapes, ascending."""
        # Multipolygons have no rings of their own, only their parts do.
        polygons, shape_of_polygon = shapely.get_parts(shapes, return_index=True)
        rings, polygon_of_ring = shapely.get_rings(polygons, return_index=True)
        places, ring = shapely.get_coordinates(rings, return_index=True)
        step = np.diff(places, axis=0)
        real = (ring[1:] == ring[:-1]) & (step != 0).any(axis=1)
        start, step = places[:-1][real], step[real]
        owner = zone[shape_of_polygon[polygon_of_ring[ring[:-1][real]]]]
        return cls(owner, *(np.ascontiguousarray(column) for column in (*start.T, *step.T)))

    def part(self, first: int, end: int) -> Edges:
        """A run of the edges."""
        cut = slice(first, end)
        return Edges(self.zone[cut], self.x_m[cut], self.y_m[cut], self.dx_m[cut], self.dy_m[cut])


#: Columns of an entry: its zone (in a grid: the zone's slot), the depth (a float32 in the place of a
#: number), and its run of edges.
ZONE, DEPTH, EDGE_START, EDGE_COUNT = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """(cell, zone) pairs: `cell` (m,) and `rows` (m, 4), see ZONE, DEPTH, EDGE_START and EDGE_COUNT.

    The depth is signed, and no more than the true depth where no edge is near. An entry's edges are
    `edge[start : start + count]`. All numbers are 32 bits wide: a city has millions of entries.
    """

    cell: Numbers
    rows: Numbers
    edge: Numbers


def draw(edges: Edges, frame: Frame, reach_m: float, first_edge: int = 0) -> Entries:
    """Entries of all zones, sorted by cell, then by zone. The edges are numbered from `first_edge`."""
    near_m = reach_m + frame.half_diagonal_m + SLACK_M
    # Ledgers, not lists of many arrays, between which freed memory would be lost.
    cell, rows, edge = Ledger(_NONE), Ledger(_NONE.reshape(-1, 4)), Ledger(_NONE)
    for first, end in _parts(edges, frame, near_m):
        part = _draw_part(edges.part(first, end), first_edge + first, frame, near_m)
        part.rows[:, EDGE_START] += len(edge.rows)
        cell, rows, edge = cell.extended(part.cell), rows.extended(part.rows), edge.extended(part.edge)
    # The parts are in the order of zones, and so remain those of one cell.
    order = np.argsort(cell.rows, kind="stable")
    return Entries(cell.rows[order], rows.rows.take(order, axis=0), edge.rows)


def _parts(edges: Edges, frame: Frame, near_m: float) -> list[tuple[int, int]]:
    """Runs of edges of whole zones, each of about _PAIRS_AT_ONCE pairs or of one zone."""
    if len(edges.zone) == 0:
        return []
    columns, rows = _box(edges, frame, near_m)
    pairs = np.cumsum((columns[1] - columns[0]) * (rows[1] - rows[0]))
    firsts = np.flatnonzero(np.diff(edges.zone, prepend=-1))
    part_of_zone = pairs[firsts] // _PAIRS_AT_ONCE
    bounds = [int(first) for first in firsts[np.flatnonzero(np.diff(part_of_zone, prepend=-1))]]
    return list(zip(bounds, [*bounds[1:], len(edges.zone)], strict=True))


def _box(edges: Edges, frame: Frame, near_m: float) -> tuple[tuple[Integers, Integers], tuple[Integers, Integers]]:
    """Columns and rows [first, end) whose centres lie within `near_m` of each edge's box."""
    columns = _centres((edges.x_m, edges.dx_m), frame.west_m, frame.cell_m, near_m)
    rows = _centres((edges.y_m, edges.dy_m), frame.south_m, frame.cell_m, near_m)
    return columns, rows


def _centres(run: tuple[Reals, Reals], origin: float, cell_m: float, near_m: float) -> tuple[Integers, Integers]:
    """Cells [first, end) of one axis; the frame holds all edges with their reach, so that none lies off it."""
    start, step = run
    low, high = np.minimum(start, start + step) - near_m, np.maximum(start, start + step) + near_m
    first = np.ceil((low - origin) / cell_m - 0.5).astype(np.int64)
    return first, np.maximum(first, np.floor((high - origin) / cell_m - 0.5).astype(np.int64) + 1)


def _draw_part(edges: Edges, first_edge: int, frame: Frame, near_m: float) -> Entries:
    cells = frame.columns * frame.rows
    key, edge, distance_m = _near_pairs(edges, frame, near_m)
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    keys = key[starts]
    nearest_m = np.minimum.reduceat(distance_m, starts) if len(starts) else distance_m
    counts = np.diff(starts, append=len(key))
    # No edge farther than this can be the nearest to a place in the cell, or be crossed on the way to it.
    matters = distance_m <= np.repeat(nearest_m, counts) + (2 * frame.half_diagonal_m + SLACK_M)
    edge_count = np.add.reduceat(matters, starts, dtype=np.int64) if len(starts) else counts
    covered = _covered(edges, frame)
    deep = covered[~_among(covered, keys)]
    depth_m = np.where(_among(keys, covered), nearest_m, -nearest_m)
    order = np.argsort(np.concatenate([keys, deep]), kind="stable")
    zone, cell = np.divmod(np.concatenate([keys, deep])[order], cells)
    none = np.zeros(len(deep), dtype=np.int64)
    rows = np.empty((len(cell), 4), dtype=np.int32)
    rows[:, ZONE] = zone
    rows[:, DEPTH] = np.concatenate([depth_m, np.full(len(deep), near_m)])[order].astype(np.float32).view(np.int32)
    rows[:, EDGE_START] = np.concatenate([np.cumsum(edge_count) - edge_count, none])[order]
    rows[:, EDGE_COUNT] = np.concatenate([edge_count, none])[order]
    return Entries(cell.astype(np.int32), rows, (edge[matters] + first_edge).astype(np.int32))


def _near_pairs(edges: Edges, frame: Frame, near_m: float) -> tuple[Integers, Integers, Reals]:
    """Pairs of an edge and a cell whose centre is within `near_m` of it: key, edge, distance; by key.

    The key numbers zone and cell: zone * cells + cell.
    """
    columns, rows = _box(edges, frame, near_m)
    edge, row = spread(rows[0], rows[1] - rows[0])
    line, column = spread(columns[0][edge], (columns[1] - columns[0])[edge])
    edge, row = edge[line], row[line]
    x_m = frame.west_m + (column + 0.5) * frame.cell_m - edges.x_m[edge]
    y_m = frame.south_m + (row + 0.5) * frame.cell_m - edges.y_m[edge]
    dx_m, dy_m = edges.dx_m[edge], edges.dy_m[edge]
    along = np.clip((x_m * dx_m + y_m * dy_m) / (dx_m * dx_m + dy_m * dy_m), 0.0, 1.0)
    distance_m = np.hypot(x_m - along * dx_m, y_m - along * dy_m)
    near = distance_m <= near_m
    key = edges.zone[edge] * (frame.columns * frame.rows) + row * frame.columns + column
    key, edge, distance_m = key[near], edge[near], distance_m[near]
    order = np.argsort(key, kind="stable")
    return key[order], edge[order], distance_m[order]


def _covered(edges: Edges, frame: Frame) -> Integers:
    """Keys, ascending, of the cells whose centres lie inside their zone: filled between edges, row by row."""
    low = np.minimum(edges.y_m, edges.y_m + edges.dy_m)
    high = np.maximum(edges.y_m, edges.y_m + edges.dy_m)
    first, end = (np.ceil((y_m - frame.south_m) / frame.cell_m - 0.5).astype(np.int64) for y_m in (low, high))
    edge, row = spread(first, end - first)
    y_m = frame.south_m + (row + 0.5) * frame.cell_m - edges.y_m[edge]
    x_m = edges.x_m[edge] + y_m * edges.dx_m[edge] / edges.dy_m[edge]
    line = edges.zone[edge] * frame.rows + row
    order = np.lexsort((x_m, line))
    column = np.ceil((x_m[order] - frame.west_m) / frame.cell_m - 0.5).astype(np.int64)
    # Every row enters and leaves an area alternately: even crossings enter, odd ones leave.
    entered, left = column[::2], column[1::2]
    run, covered = spread(entered, left - entered)
    return line[order][::2][run] * frame.columns + covered


def _among(keys: Integers, others: Integers) -> Flags:
    """Which of the keys are among the others, both ascending?"""
    if len(others) == 0:
        return np.zeros(len(keys), dtype=np.bool_)
    place = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    found: Flags = others[place] == keys
    return found
