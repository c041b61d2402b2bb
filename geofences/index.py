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
from geofences.levels import REACH_M, Levels
from geofences.outlines import Outline, outlines_of, rows_kept
from geofences.placement import Codes, Flags, Integers, Placement, Points, Reals
from geofences.projection import REACH_M as PLANE_REACH_M
from geofences.projection import LocalMetric
from geofences.shapes import area_in_plane, check_band, check_geometry
from geofences.zones import Containment, ZoneKind, ZoneRevision

#: Pairs of point and zone with their containment, sorted by point, then by zone.
_Pairs = tuple[Integers, Integers, Codes]

#: Zones within so many degrees of the oldest one are of the same city: some 50 km.
_CITY_DEGREES = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ZoneIndex:
    """A snapshot of zone revisions, ready to place points. Never changes: a new revision, a new index.

    `shapes` are the projected areas, row for row with `revisions`, in metres around the origin of
    `metric`; the grids know each zone by its `slot`. Arrays are read-only. One thread at a time may
    place points in an index and those built from it (they share prepared geometries, which index
    themselves at first use); any number of indexes may be built meanwhile.
    """

    revisions: tuple[ZoneRevision, ...]
    outlines: tuple[Outline, ...]
    metric: LocalMetric
    columns: ZoneColumns
    exact: ExactShapes
    slot: Integers
    levels: Levels

    @classmethod
    def build(
        cls,
        revisions: Sequence[ZoneRevision],
        vertical: VerticalReference,
        cell_m: float | None = None,
        previous: ZoneIndex | None = None,
    ) -> ZoneIndex:
        """Index the revisions. Raises InvalidZone, naming the zone, when one cannot be judged against.

        `cell_m` is the side of the finest grid cells; by itself it follows from the zones' total size.
        What `previous` knows of the same outlines is used again, so that a few changes cost little;
        the answers are the same as without it.
        """
        outlines = outlines_of(revisions)
        kept = np.full(len(revisions), -1, dtype=np.int64)
        if previous is not None:
            kept = rows_kept(outlines, previous.outlines)
        _check(revisions, kept)
        metric = _metric_for(revisions)
        columns = ZoneColumns.of(revisions, vertical)
        if previous is None or metric != previous.metric:
            previous, kept = None, np.full(len(revisions), -1, dtype=np.int64)
        exact = _exact(revisions, metric, kept, previous)
        slot, levels = _levels(exact.shapes, cell_m, kept, previous)
        slot.flags.writeable = False
        return cls(tuple(revisions), outlines, metric, columns, exact, slot, levels)

    @property
    def grids(self) -> tuple[Grid, ...]:
        """The grids that together hold every zone once."""
        return self.levels.grids

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
        unscheduled = self.columns.unscheduled(zone, points.timestamp_ms.take(point))
        if unscheduled.any():
            horizontal = np.where(unscheduled, Containment.UNCERTAIN, horizontal).astype(np.int8)
        vertical = self.columns.vertical(points, point, zone)
        return Placement(point, zone, horizontal, vertical, unscheduled, x_m, y_m)

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


# --- building -------------------------------------------------------------------------------------


def _check(revisions: Sequence[ZoneRevision], kept: Integers) -> None:
    """Raise InvalidZone for the first revision that cannot be judged against; kept outlines are known to be good."""
    for revision, row in zip(revisions, kept.tolist(), strict=True):
        with _naming(revision):
            if row < 0:
                check_geometry(revision.geometry, revision.half_width_m)
            check_band(revision)


def _exact(
    revisions: Sequence[ZoneRevision], metric: LocalMetric, kept: Integers, previous: ZoneIndex | None
) -> ExactShapes:
    shapes, boundaries = np.empty(len(kept), dtype=object), np.empty(len(kept), dtype=object)
    if previous is not None:
        known = kept >= 0
        shapes[known] = previous.exact.shapes[kept[known]]
        boundaries[known] = previous.exact.boundaries[kept[known]]
    come = np.flatnonzero(kept < 0)
    for row in come.tolist():
        with _naming(revisions[row]):
            shapes[row] = area_in_plane(revisions[row], metric)
    boundaries[come] = shapely.boundary(shapes[come])
    return ExactShapes.of(shapes, boundaries)


def _levels(
    shapes: NDArray[np.object_], cell_m: float | None, kept: Integers, previous: ZoneIndex | None
) -> tuple[Integers, Levels]:
    """The slot of each zone, and the grids: those before with what has changed, or new ones."""
    known, come = np.flatnonzero(kept >= 0), np.flatnonzero(kept < 0)
    # A cell's entries are in the order of rows, which zones that stay must therefore keep.
    if previous is not None and (np.diff(kept[known]) > 0).all() and previous.levels.fit(shapes, cell_m):
        slot = np.empty(len(kept), dtype=np.int64)
        slot[known] = previous.slot[kept[known]]
        taken = int(previous.slot.max(initial=-1)) + 1
        slot[come] = taken + np.arange(len(come))
        row = np.full(taken + len(come), -1, dtype=np.int64)
        row[slot] = np.arange(len(slot))
        gone = np.delete(previous.shapes, kept[known])
        levels = previous.levels.changed(row, shapes[come], slot[come], gone)
        if levels is not None:
            return slot, levels
    return np.arange(len(kept)), Levels.over(shapes, cell_m)


@contextmanager
def _naming(revision: ZoneRevision) -> Iterator[None]:
    """Say which zone is invalid."""
    try:
        yield
    except InvalidZone as reason:
        raise InvalidZone(f"zone {revision.zone_id}, revision {revision.revision_id}: {reason}") from reason


def _metric_for(revisions: Sequence[ZoneRevision]) -> LocalMetric:
    """The plane around the oldest zone, or around the middle of all where some lie far from it.

    So it depends on the zones alone, whatever was built before, and stays where it is while zones
    come and go in the same city.
    """
    if not revisions:
        return LocalMetric.around(0.0, 0.0)
    oldest = min(revisions, key=lambda revision: revision.revision_id)
    west, south, east, north = shapely.total_bounds([revision.geometry for revision in revisions])
    lon, lat = _middle(*oldest.geometry.bounds)
    if max(lon - west, east - lon, lat - south, north - lat) > _CITY_DEGREES:
        lon, lat = _middle(west, south, east, north)
    try:
        metric = LocalMetric.around(lon, lat)
    except ValueError as reason:
        raise InvalidZone(f"the zones have no common plane: {reason}") from reason
    _check_reach(revisions, metric)
    return metric


def _check_reach(revisions: Sequence[ZoneRevision], metric: LocalMetric) -> None:
    """Distances in one plane are true within 100 km of its origin only: farther zones need another index."""
    west, south, east, north = shapely.bounds([revision.geometry for revision in revisions]).T
    x_m, y_m = metric.forward(np.concatenate([west, east, west, east]), np.concatenate([south, south, north, north]))
    away_m = np.maximum(np.abs(x_m), np.abs(y_m)).reshape(4, -1).max(axis=0)
    farthest = int(away_m.argmax())
    if not away_m[farthest] <= PLANE_REACH_M:
        raise InvalidZone(f"zone {revisions[farthest].zone_id} lies too far from the others to share a plane (100 km)")


def _middle(west: float, south: float, east: float, north: float) -> tuple[float, float]:
    """Longitude and latitude in the middle of a box, to 0.1 degrees."""
    return round((west + east) / 2, 1), round((south + north) / 2, 1)
