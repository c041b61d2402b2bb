"""Coarser positions for the public: along a centreline in steps, elsewhere to a metric grid.

The same place is always shown at the same point, without noise that could be averaged away. But the
fixes of a vehicle have noise of their own: one that stands at the edge of two steps would be shown now
here, now there, and its share of each would tell where it stands, to the metre, if the edge were known.
So the edges are secret: each is moved by up to a quarter of a step, by a key, and for good. And what is
shown stays until the vehicle is some metres beyond its edge.
"""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from app.live.plane import Plane
from telemetry.samples import Reals, VehicleKind

#: A vehicle this much farther off than the half width is still shown on the centreline.
_SLACK_M = 15.0
#: How far an edge is moved at most, and how far beyond it what is shown stays, in steps.
_EDGE_STEPS = 0.25
_STAYS_STEPS = 0.25
#: A shown point this near to a line was shown on it.
_ON_LINE_M = 1.0
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Centreline:
    """A road's or corridor's line in EPSG:4326 (LineString or MultiLineString)."""

    kind: VehicleKind
    geometry: BaseGeometry
    half_width_m: float


class Snapper:
    """Immutable: built anew when zones change. `step_m` is both the step and the grid's width."""

    def __init__(self, centrelines: Iterable[Centreline], step_m: float, key: bytes = b"") -> None:
        parts = [
            (line.kind, part, line.half_width_m + _SLACK_M)
            for line in centrelines
            for part in shapely.get_parts(line.geometry)
        ]
        # A whole degree: with a plane that followed each change of the zones, the grid would move with it.
        self._plane = Plane(round(parts[0][1].centroid.y) if parts else 0)
        self._edges = _Edges(step_m, key, self._plane)
        self._lines = {
            kind: [
                _Line(self._plane.flat([part])[0], reach_m, self._edges) for own, part, reach_m in parts if own is kind
            ]
            for kind in VehicleKind
        }
        self._trees = {kind: shapely.STRtree([line.flat for line in lines]) for kind, lines in self._lines.items()}

    def snap(self, kind: VehicleKind, lon: Reals, lat: Reals, before: Reals | None = None) -> tuple[Reals, Reals]:
        """Shown positions of vehicles of one kind; degrees in, degrees out, shape (n,).

        `before` is where each was shown last, lon and lat of shape (n, 2), NaN for nowhere.
        """
        exact = self._plane.to_metres(np.column_stack([lon, lat]))
        last = np.full_like(exact, np.nan) if before is None else self._plane.to_metres(before)
        nearest = self._nearest(kind, exact)
        shown = [
            line.step(place, was) if line is not None else self._edges.cell(place, was)
            for line, place, was in zip(nearest, exact.tolist(), last.tolist(), strict=True)
        ]
        degrees = np.round(self._plane.to_degrees(np.array(shown).reshape(-1, 2)), _DECIMALS)
        return degrees[:, 0], degrees[:, 1]

    def _nearest(self, kind: VehicleKind, exact: Reals) -> list[_Line | None]:
        """The line that each place is on, if any."""
        found: list[_Line | None] = [None] * len(exact)
        lines = self._lines[kind]
        if lines:
            points = np.asarray(shapely.points(exact), dtype=object)
            pairs, distance = self._trees[kind].query_nearest(points, return_distance=True, all_matches=False)
            for who, which, distance_m in zip(*pairs.tolist(), distance.tolist(), strict=True):
                if distance_m <= lines[which].reach_m:
                    found[who] = lines[which]
        return found


class _Edges:
    """Where one step ends and the next begins: known to whoever holds the key."""

    def __init__(self, step_m: float, key: bytes, plane: Plane) -> None:
        self.step_m = step_m
        self.margin_m = _STAYS_STEPS * step_m
        self._key = key
        self._plane = plane
        self._moved = lru_cache(maxsize=65_536)(self._move)

    def along(self, middles: Reals) -> list[float]:
        """How far the edges at these places of a line, shape (n, 2) in metres, are moved."""
        degrees = np.round(self._plane.to_degrees(middles), _DECIMALS)
        return [self._moved(f"line {lon:.6f} {lat:.6f}") for lon, lat in degrees.tolist()]

    def cell(self, place: Sequence[float], was: Sequence[float]) -> tuple[float, float]:
        """The middle of the place's cell: rows first, then the cells of the row."""
        row = self._slot(place[1], was[1], "row")
        column = self._slot(place[0], was[0], f"column {row}")
        return (column + 0.5) * self.step_m, (row + 0.5) * self.step_m

    def _slot(self, value: float, was: float, axis: str) -> int:
        around = int(value // self.step_m)
        if was == was:  # noqa: PLR0124 -- not NaN
            before = int(was // self.step_m)
            if self._edge(before, axis) - self.margin_m <= value <= self._edge(before + 1, axis) + self.margin_m:
                return before
        if value < self._edge(around, axis):
            return around - 1
        return around + 1 if value >= self._edge(around + 1, axis) else around

    def _edge(self, number: int, axis: str) -> float:
        return number * self.step_m + self._moved(f"{axis} {number}")

    def _move(self, edge: str) -> float:
        digest = hmac.digest(self._key, edge.encode(), hashlib.sha256)
        return (int.from_bytes(digest[:4]) / 2**32 * 2 - 1) * _EDGE_STEPS * self.step_m


class _Line:
    """A line in metres with the edges of its steps; step k is shown at k steps from its beginning."""

    def __init__(self, flat: BaseGeometry, reach_m: float, edges: _Edges) -> None:
        assert isinstance(flat, LineString)
        self.flat = flat
        self.reach_m = reach_m
        self._step_m, self._margin_m = edges.step_m, edges.margin_m
        self._length_m = float(shapely.length(flat))
        middles = np.arange(0.5 * self._step_m, self._length_m, self._step_m)
        points = shapely.get_coordinates(shapely.line_interpolate_point(flat, middles))
        self._bounds: list[float] = (middles + np.array(edges.along(points), dtype=float)).tolist()

    def step(self, place: Sequence[float], was: Sequence[float]) -> tuple[float, float]:
        """The point of the place's step; that of before while the place is hardly beyond its edge."""
        along = float(shapely.line_locate_point(self.flat, shapely.Point(place)))
        number = self._before(was)
        if number is None or not self._is_within(number, along):
            number = bisect_right(self._bounds, along)
        point = shapely.line_interpolate_point(self.flat, min(number * self._step_m, self._length_m))
        return point.x, point.y

    def _before(self, was: Sequence[float]) -> int | None:
        """The step that was shown last, if it was one of this line."""
        point = shapely.Point(was)
        if was[0] != was[0] or shapely.distance(self.flat, point) > _ON_LINE_M:
            return None
        return round(float(shapely.line_locate_point(self.flat, point)) / self._step_m)

    def _is_within(self, number: int, along: float) -> bool:
        lower = self._bounds[number - 1] if number > 0 else -np.inf
        upper = self._bounds[number] if number < len(self._bounds) else np.inf
        return bool(lower - self._margin_m <= along <= upper + self._margin_m)
