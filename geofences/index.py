"""The immutable index of zones: which zones in force does each point of a batch touch, and how surely."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.columns import ZoneColumns
from geofences.datum import VerticalReference
from geofences.errors import InvalidZone
from geofences.exact import ExactShapes
from geofences.grid import Grid
from geofences.levels import REACH_M, grids_over
from geofences.placement import Codes, Flags, Integers, Placement, Points, Reals
from geofences.projection import LocalMetric
from geofences.shapes import area_in_plane, check_revision
from geofences.zones import Containment, ZoneKind, ZoneRevision

#: Pairs of point and zone with their containment, sorted by point, then by zone.
_Pairs = tuple[Integers, Integers, Codes]


@dataclass(frozen=True, slots=True, eq=False)
class ZoneIndex:
    """A snapshot of zone revisions, ready to place points. Never changes: a new revision, a new index.

    `shapes` are the projected areas, row for row with `revisions`, in metres around the origin of
    `metric`. Arrays are read-only. One thread at a time may place points (prepared geometries
    index themselves at first use); any number of indexes may be built meanwhile.
    """

    revisions: tuple[ZoneRevision, ...]
    metric: LocalMetric
    columns: ZoneColumns
    exact: ExactShapes
    grids: tuple[Grid, ...]

    @classmethod
    def build(
        cls, revisions: Sequence[ZoneRevision], vertical: VerticalReference, cell_m: float | None = None
    ) -> ZoneIndex:
        """Index the revisions. Raises InvalidZone, naming the zone, when one cannot be judged against.

        `cell_m` is the side of the finest grid cells; by itself it follows from the zones' total size.
        """
        for revision in revisions:
            with _naming(revision):
                check_revision(revision)
        metric = _metric_for(revisions)
        shapes = np.empty(len(revisions), dtype=object)
        for row, revision in enumerate(revisions):
            with _naming(revision):
                shapes[row] = area_in_plane(revision, metric)
        columns = ZoneColumns.of(revisions, vertical)
        return cls(tuple(revisions), metric, columns, ExactShapes.of(shapes), grids_over(shapes, cell_m))

    @property
    def shapes(self) -> NDArray[np.object_]:
        """The projected areas, shape (z,)."""
        return self.exact.shapes

    def project(self, lon: Reals, lat: Reals) -> tuple[Reals, Reals]:
        """Plane coordinates, x and y in metres, of EPSG:4326 degrees; all of shape (n,)."""
        return self.metric.forward(lon, lat)

    def of_kind(self, kinds: Collection[ZoneKind]) -> Flags:
        """Flags of shape (z,): is the zone of one of these kinds?"""
        return np.array([revision.kind in kinds for revision in self.revisions], dtype=np.bool_)

    def locate(self, points: Points) -> Placement:
        """Place the points. The boundary counts as inside; see Placement for what is listed.

        With radius r a point is INSIDE when it lies in the zone and at least r from the boundary,
        OUTSIDE when it lies out of the zone and farther than r, else UNCERTAIN. Raises ValueError
        for points that have no place (see Points.check).
        """
        points.check()
        x_m, y_m = self.project(points.lon, points.lat)
        point, zone, horizontal = self._touched(points, x_m, y_m)
        vertical = self.columns.vertical(points, point, zone)
        return Placement(point, zone, horizontal, vertical, x_m, y_m)

    def _touched(self, points: Points, x_m: Reals, y_m: Reals) -> _Pairs:
        small = points.radius_m <= REACH_M
        if small.all():
            parts = [self._from_grid(grid, points, x_m, y_m) for grid in self.grids]
        else:
            parts = self._touched_apart(points, x_m, y_m, small)
        if len(parts) == 1:
            return parts[0]
        return _merged(parts)

    def _touched_apart(self, points: Points, x_m: Reals, y_m: Reals, small: Flags) -> list[_Pairs]:
        """Circles that the grids can answer for, and the larger and unknown ones, each in its way."""
        rows, large = np.flatnonzero(small), np.flatnonzero(~small)
        some = points.take(rows)
        parts = [self._from_grid(grid, some, x_m[rows], y_m[rows]) for grid in self.grids]
        parts = [(rows[point], zone, horizontal) for point, zone, horizontal in parts]
        point, zone, horizontal = self.exact.locate(x_m[large], y_m[large], points.radius_m[large])
        pairs = self.columns.in_force(zone, points.timestamp_ms[large[point]])
        return [*parts, (large[point][pairs], zone[pairs], horizontal[pairs])]

    def _from_grid(self, grid: Grid, points: Points, x_m: Reals, y_m: Reals) -> _Pairs:
        candidates = grid.candidates(x_m, y_m, points.radius_m)
        in_force = self.columns.in_force(candidates.zone, points.timestamp_ms.take(candidates.point))
        if not in_force.all():
            candidates = candidates.keep(in_force)
        horizontal = grid.containment(candidates, self.exact)
        pairs = (horizontal != Containment.OUTSIDE).nonzero()[0]
        return candidates.point.take(pairs), candidates.zone.take(pairs), horizontal.take(pairs)


def _merged(parts: Sequence[_Pairs]) -> _Pairs:
    none = np.zeros(0, dtype=np.int64)
    point = np.concatenate([none, *(part[0] for part in parts)])
    zone = np.concatenate([none, *(part[1] for part in parts)])
    horizontal = np.concatenate([none.astype(np.int8), *(part[2] for part in parts)])
    order = np.lexsort((zone, point))
    return point[order], zone[order], horizontal[order]


@contextmanager
def _naming(revision: ZoneRevision) -> Iterator[None]:
    """Say which zone is invalid."""
    try:
        yield
    except InvalidZone as reason:
        raise InvalidZone(f"zone {revision.zone_id}, revision {revision.revision_id}: {reason}") from reason


def _metric_for(revisions: Sequence[ZoneRevision]) -> LocalMetric:
    """The plane around the middle of all zones, in steps of 0.1° so that it seldom moves."""
    if not revisions:
        return LocalMetric.around(0.0, 0.0)
    west, south, east, north = shapely.total_bounds([revision.geometry for revision in revisions])
    try:
        return LocalMetric.around(round((west + east) / 2, 1), round((south + north) / 2, 1))
    except ValueError as reason:
        raise InvalidZone(f"the zones have no common plane: {reason}") from reason
