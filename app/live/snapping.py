"""Coarser positions for the public: along a centreline in steps, elsewhere to a metric grid."""

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

    def snap(self, kind: VehicleKind, lon: Reals, lat: Reals) -> tuple[Reals, Reals]:
        """Shown positions of vehicles of one kind; degrees in, degrees out, shape (n,)."""
        xy = self._plane.to_metres(np.column_stack([lon, lat]))
        shown = (np.floor(xy / self._step_m) + 0.5) * self._step_m
        if len(self._lines[kind]):
            self._snap_to_lines(kind, xy, shown)
        shown = np.round(self._plane.to_degrees(shown), 6)
        return shown[:, 0], shown[:, 1]

    def _snap_to_lines(self, kind: VehicleKind, xy: Reals, shown: Reals) -> None:
        points = np.asarray(shapely.points(xy), dtype=object)
        pairs, distance = self._trees[kind].query_nearest(points, return_distance=True, all_matches=False)
        who, which = pairs
        near = distance <= self._reach_m[kind][which]
        who, lines = who[near], self._lines[kind][which[near]]
        along = shapely.line_locate_point(lines, points[who])
        stepped = np.minimum(np.round(along / self._step_m) * self._step_m, shapely.length(lines))
        shown[who] = shapely.get_coordinates(shapely.line_interpolate_point(lines, stepped))
