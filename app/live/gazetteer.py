"""What a place is called: the zone that an alert names, else the nearest road, corridor or area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from app.live.plane import Plane
from app.live.things import Place

#: Farther from everything than this, a place has no name.
REACH_M = 500.0


class Gazetteer:
    """Immutable. `by_revision` names zone revisions, `zones` are those that a place may be near to."""

    def __init__(self, by_revision: Mapping[int, Place], zones: Sequence[tuple[Place, BaseGeometry]] = ()) -> None:
        self._by_revision = by_revision
        self._places = [place for place, _ in zones]
        self._plane = Plane.around([geometry for _, geometry in zones])
        self._tree = shapely.STRtree(self._plane.flat([geometry for _, geometry in zones]))

    def place(self, zone_revision: int, *, lon: float, lat: float) -> Place | None:
        """The zone of the revision if it is known, else the nearest zone in reach."""
        return self._by_revision.get(zone_revision) or self._nearest(lon, lat)

    def _nearest(self, lon: float, lat: float) -> Place | None:
        point = shapely.points(self._plane.to_metres(np.array([lon, lat])))
        found = self._tree.query_nearest(point, max_distance=REACH_M, all_matches=False)
        return self._places[int(found[0])] if len(found) else None
