"""What of a zone revision decides its area: by it the areas of one index are found again in the next."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence

import numpy as np
import shapely

from geofences.placement import Integers
from geofences.zones import ZoneRevision

#: Well-known binary of the geometry, and the half width in metres. Equal outlines cover equal areas.
Outline = tuple[bytes, float | None]


def outlines_of(revisions: Sequence[ZoneRevision]) -> tuple[Outline, ...]:
    """The outlines of revisions, row for row."""
    geometries = np.empty(len(revisions), dtype=object)
    geometries[:] = [revision.geometry for revision in revisions]
    widths = (revision.half_width_m for revision in revisions)
    return tuple(zip(shapely.to_wkb(geometries).tolist(), widths, strict=True))


def rows_kept(outlines: Sequence[Outline], before: Sequence[Outline]) -> Integers:
    """For each outline the row of an equal one among those before, each given once, in order; -1 where none is left."""
    free: defaultdict[Outline, deque[int]] = defaultdict(deque)
    for row, outline in enumerate(before):
        free[outline].append(row)
    rows = (free[outline] for outline in outlines)
    return np.fromiter((row.popleft() if row else -1 for row in rows), dtype=np.int64, count=len(outlines))
