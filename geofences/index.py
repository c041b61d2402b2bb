"""The immutable index of zones: which zones in force does each point of a batch touch, and how surely."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.columns import ZoneColumns
from geofences.datum import VerticalReference
from geofences.errors import InvalidZone
from geofences.exact import ExactShapes
from geofences.placement import Flags, Placement, Points, Reals
from geofences.projection import LocalMetric
from geofences.shapes import area_in_plane
from geofences.zones import ZoneKind, ZoneRevision


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

    @classmethod
    def build(cls, revisions: Sequence[ZoneRevision], vertical: VerticalReference) -> ZoneIndex:
        """Index the revisions. Raises InvalidZone, naming the zone, when one cannot be judged against."""
        metric = _metric_for(revisions)
        shapes = np.empty(len(revisions), dtype=object)
        for row, revision in enumerate(revisions):
            try:
                shapes[row] = area_in_plane(revision, metric)
            except InvalidZone as reason:
                raise InvalidZone(f"zone {revision.zone_id}, revision {revision.revision_id}: {reason}") from reason
        return cls(tuple(revisions), metric, ZoneColumns.of(revisions, vertical), ExactShapes.of(shapes))

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
        for a position that is not finite or a negative radius: such a point has no place.
        """
        if not (np.isfinite(points.lon).all() and np.isfinite(points.lat).all()):
            raise ValueError("a position is not finite")
        if (points.radius_m < 0).any() or (points.vertical_radius_m < 0).any():
            raise ValueError("a radius is negative")
        x_m, y_m = self.project(points.lon, points.lat)
        point, zone, horizontal = self.exact.locate(x_m, y_m, points.radius_m)
        pairs = self.columns.in_force(zone, points.timestamp_ms[point])
        point, zone, horizontal = point[pairs], zone[pairs], horizontal[pairs]
        vertical = self.columns.vertical(points, point, zone)
        return Placement(point, zone, horizontal, vertical, x_m, y_m)


def _metric_for(revisions: Sequence[ZoneRevision]) -> LocalMetric:
    """The plane around the middle of all zones, in steps of 0.1° so that it seldom moves."""
    if not revisions:
        return LocalMetric.around(0.0, 0.0)
    west, south, east, north = shapely.total_bounds([revision.geometry for revision in revisions])
    try:
        return LocalMetric.around(round((west + east) / 2, 1), round((south + north) / 2, 1))
    except ValueError as reason:
        raise InvalidZone(f"the zones have no common plane: {reason}") from reason
