"""Coarser positions for the public: along a centreline in steps, elsewhere to a metric grid.

The same place is always shown at the same point, without any noise that could be averaged away. What
is shown stays until the vehicle is well beyond its step: otherwise the wandering fixes of one that
stands beside the edge of two steps would show it now here, now there, and so show the edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from app.live.plane import Plane
from telemetry.samples import Reals, VehicleKind

#: A vehicle this much farther off than the half width is still shown on the centreline.
_SLACK_M = 15.0
#: What is shown stays within this many steps of it; the corner of a grid's cell is 0.71 away.
_STAYS_STEPS = 0.85


@dataclass(frozen=True, slots=True)
class Centreline:
    """A road's or corridor's line in EPSG:4326 (LineString or MultiLineString)."""

    kind: VehicleKind
    geometry: BaseGeometry
    half_width_m: float


class Snapper:
    """Immutable: built anew when zones change. `step_m` is both the step and the grid's width."""

    def __init__(self, centrelines: Iterable[Centreline], step_m: float) -> None:
        self._step_m = step_m
        parts = [
            (line.kind, part, line.half_width_m + _SLACK_M)
            for line in centrelines
            for part in shapely.get_parts(line.geometry)
        ]
        self._plane = Plane.around([part for _, part, _ in parts])
        self._lines = {kind: self._plane.flat([p for k, p, _ in parts if k is kind]) for kind in VehicleKind}
        self._reach_m = {kind: np.array([r for k, _, r in parts if k is kind]) for kind in VehicleKind}
        self._trees = {kind: shapely.STRtree(lines) for kind, lines in self._lines.items()}

    def snap(self, kind: VehicleKind, lon: Reals, lat: Reals, before: Reals | None = None) -> tuple[Reals, Reals]:
        """Shown positions of vehicles of one kind; degrees in, degrees out, shape (n,).

        `before` is where each was shown last, lon and lat of shape (n, 2), NaN for nowhere.
        """
        exact = self._plane.to_metres(np.column_stack([lon, lat]))
        shown = (np.floor(exact / self._step_m) + 0.5) * self._step_m
        if len(self._lines[kind]):
            self._snap_to_lines(kind, exact, shown)
        degrees = np.round(self._plane.to_degrees(shown), 6)
        if before is not None:
            stays = np.hypot(*(exact - self._plane.to_metres(before)).T) <= _STAYS_STEPS * self._step_m
            degrees[stays] = before[stays]
        return degrees[:, 0], degrees[:, 1]

    def _snap_to_lines(self, kind: VehicleKind, exact: Reals, shown: Reals) -> None:
        """Move those near a line onto it: `exact` to its nearest point, `shown` to the step there."""
        points = np.asarray(shapely.points(exact), dtype=object)
        pairs, distance = self._trees[kind].query_nearest(points, return_distance=True, all_matches=False)
        who, which = pairs
        near = distance <= self._reach_m[kind][which]
        who, lines = who[near], self._lines[kind][which[near]]
        along = shapely.line_locate_point(lines, points[who])
        stepped = np.minimum(np.round(along / self._step_m) * self._step_m, shapely.length(lines))
        exact[who] = shapely.get_coordinates(shapely.line_interpolate_point(lines, along))
        shown[who] = shapely.get_coordinates(shapely.line_interpolate_point(lines, stepped))
