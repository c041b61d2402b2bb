"""Grids for zones of all sizes: fine cells for roads, coarse ones for areas that would fill too many."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.grid import Grid
from geofences.placement import Reals
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

#: No grid has more cells than this; a wider one has larger cells instead.
_CELLS_A_GRID = 8_000_000


def grids_over(shapes: NDArray[np.object_], cell_m: float | None = None) -> tuple[Grid, ...]:
    """Grids that hold all the areas (z,), each area in one grid: the finest that it does not overfill."""
    if len(shapes) == 0:
        return ()
    if cell_m is None:
        cell_m = next(
            (side for side in CELLS_M if np.minimum(_filled(shapes, side), _CELLS_A_ZONE).sum() <= _CELLS_FILLED),
            CELLS_M[-1],
        )
    level = _levels(shapes, cell_m)
    return tuple(
        _grid(shapes, np.flatnonzero(level == number), cell_m * _COARSER ** int(number)) for number in np.unique(level)
    )


def _filled(shapes: NDArray[np.object_], cell_m: float) -> Reals:
    """About how many cells each area fills with its surroundings."""
    covered_m2: Reals = shapely.area(shapes) + shapely.length(shapes) * (REACH_M + cell_m)
    return covered_m2 / cell_m**2


def _levels(shapes: NDArray[np.object_], cell_m: float) -> NDArray[np.int64]:
    excess = _filled(shapes, cell_m) / _CELLS_A_ZONE
    level: Reals = np.ceil(np.maximum(0.0, np.log(excess) / np.log(_COARSER**2)))
    return level.astype(np.int64)


def _grid(shapes: NDArray[np.object_], zone: NDArray[np.int64], cell_m: float) -> Grid:
    bounds = shapely.total_bounds(shapes[zone]).tolist()
    frame = Frame.around(bounds, cell_m, REACH_M)
    while frame.columns * frame.rows > _CELLS_A_GRID:
        cell_m *= 2
        frame = Frame.around(bounds, cell_m, REACH_M)
    return Grid.of(shapes[zone], zone, frame, REACH_M)
