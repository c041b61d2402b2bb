"""Grids for zones of all sizes: fine cells for roads, coarse ones for areas that would fill too many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.grid import Grid
from geofences.placement import Integers, Reals
from geofences.raster import Frame

#: Sides of the finest cells. Smaller ones leave fewer pairs open and take more memory.
CELLS_M = (12.5, 16.0, 20.0, 25.0, 32.0, 40.0)

#: Radius up to which grids answer; larger circles take the exact way.
REACH_M = 25.0

#: A zone that would fill more cells than this goes to the next coarser grid.
_CELLS_A_ZONE = 65_536
_COARSER = 4

#: All zones together should not fill more than this, at 16 bytes and about three edges of 4 bytes each.
_CELLS_FILLED = 2_500_000

#: Grids that change are drawn anew with other cells when they fill so many times more or fewer than they should.
_TOLERANCE = 1.5

#: No grid has more cells than this; a wider one has larger cells instead.
_CELLS_A_GRID = 8_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Grids that hold all zones, each zone in one grid: the finest that it does not overfill.

    `grids` are row for row with `numbers`: number n has cells of `cell_m` times _COARSER to the n.
    """

    cell_m: float
    numbers: tuple[int, ...]
    grids: tuple[Grid, ...]

    @classmethod
    def over(cls, shapes: NDArray[np.object_], cell_m: float | None = None) -> Levels:
        """Levels for areas (z,), which take the slots 0 to z - 1."""
        cell_m = cell_m or _side(shapes, _CELLS_FILLED)
        level = _levels(shapes, cell_m)
        grids = {}
        for number in np.unique(level).tolist():
            rows = np.flatnonzero(level == number)
            grids[number] = _grid(shapes[rows], rows, np.arange(len(shapes)), cell_m * _COARSER**number)
        return cls(cell_m, tuple(grids), tuple(grids.values()))

    def fit(self, shapes: NDArray[np.object_], cell_m: float | None = None) -> bool:
        """Are the cells still of a good size for all areas (z,)?"""
        if cell_m is not None:
            return cell_m == self.cell_m
        few, many = (_side(shapes, _CELLS_FILLED * tolerance) for tolerance in (1 / _TOLERANCE, _TOLERANCE))
        return many <= self.cell_m <= few

    def changed(
        self, row: Integers, come: NDArray[np.object_], slot: Integers, gone: NDArray[np.object_]
    ) -> Levels | None:
        """Levels with some areas more and some fewer, see Grid.changed. None when a grid had to become too large."""
        new, old = _levels(come, self.cell_m), _levels(gone, self.cell_m)
        grids = {}
        for number, grid in zip(self.numbers, self.grids, strict=True):
            chosen = new == number
            changed = _changed(grid, row, come[chosen], slot[chosen], gone[old == number])
            if changed is None:
                return None
            grids[number] = changed
        for number in set(new.tolist()) - set(grids):
            chosen = new == number
            grids[number] = _grid(come[chosen], slot[chosen], row, self.cell_m * _COARSER**number)
        grids = {number: grid for number, grid in sorted(grids.items()) if grid.run.any()}
        return Levels(self.cell_m, tuple(grids), tuple(grids.values()))


def _changed(
    grid: Grid, row: Integers, come: NDArray[np.object_], slot: Integers, gone: NDArray[np.object_]
) -> Grid | None:
    if len(come) == 0 and len(gone) == 0:
        return grid.renumbered(row)
    if len(come):
        frame = grid.frame.holding(shapely.total_bounds(come).tolist(), grid.reach_m)
        if frame.columns * frame.rows > _CELLS_A_GRID:
            return None
        grid = grid.within(frame)
    return grid.changed(row, come, slot, gone)


def _side(shapes: NDArray[np.object_], cells: float) -> float:
    """The finest side of cells with which all areas fill no more than so many."""
    sides = (side for side in CELLS_M if np.minimum(_filled(shapes, side), _CELLS_A_ZONE).sum() <= cells)
    return next(sides, CELLS_M[-1])


def _filled(shapes: NDArray[np.object_], cell_m: float) -> Reals:
    """About how many cells each area fills with its surroundings."""
    covered_m2: Reals = shapely.area(shapes) + shapely.length(shapes) * (REACH_M + cell_m)
    return covered_m2 / cell_m**2


def _levels(shapes: NDArray[np.object_], cell_m: float) -> NDArray[np.int64]:
    excess = _filled(shapes, cell_m) / _CELLS_A_ZONE
    level: Reals = np.ceil(np.maximum(0.0, np.log(excess) / np.log(_COARSER**2)))
    return level.astype(np.int64)


def _grid(shapes: NDArray[np.object_], slot: Integers, row: Integers, cell_m: float) -> Grid:
    bounds = shapely.total_bounds(shapes).tolist()
    frame = Frame.around(bounds, cell_m, REACH_M)
    while frame.columns * frame.rows > _CELLS_A_GRID:
        cell_m *= 2
        frame = Frame.around(bounds, cell_m, REACH_M)
    return Grid.of(shapes, slot, row, frame, REACH_M)
