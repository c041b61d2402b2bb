"""Points asked about, and the answer: which zones in force each of them touches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geofences.datum import DATUMS

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Codes = NDArray[np.int8]
Flags = NDArray[np.bool_]

#: A point of unknown accuracy may lie this far from where it says; within it a zone is UNCERTAIN.
UNKNOWN_RADIUS_M = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """n positions in time as columns of shape (n,), degrees in EPSG:4326.

    `radius_m` and `vertical_radius_m` are half widths of the region that the point may be in, with
    any coverage factor applied already; NaN means unknown, 0 exact. `altitude_datum` is 0 AGL,
    1 AMSL, 2 WGS84, -1 absent (the numbers of telemetry.samples.AltitudeDatum); an absent altitude
    is NaN. A point is judged by the zones in force at its own `timestamp_ms` (UTC).
    """

    lon: Reals
    lat: Reals
    radius_m: Reals
    altitude_m: Reals
    altitude_datum: Codes
    vertical_radius_m: Reals
    timestamp_ms: Integers

    def __len__(self) -> int:
        return len(self.lon)

    def check(self) -> None:
        """Raise ValueError for a position that is not finite, a negative radius or an unknown datum."""
        if not (np.isfinite(self.lon).all() and np.isfinite(self.lat).all()):
            raise ValueError("a position is not finite")
        if (self.radius_m < 0).any() or (self.vertical_radius_m < 0).any():
            raise ValueError("a radius is negative")
        if (self.altitude_datum > len(DATUMS) - 1).any():
            raise ValueError("an unknown vertical datum")

    def take(self, rows: Integers | Flags) -> Points:
        """Some of the points, by row or by flag."""
        return Points(
            self.lon[rows],
            self.lat[rows],
            self.radius_m[rows],
            self.altitude_m[rows],
            self.altitude_datum[rows],
            self.vertical_radius_m[rows],
            self.timestamp_ms[rows],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Pairs of a point and a zone in force that it touches, sorted by point, then by zone.

    `point` is a row of the Points, `zone` a row of ZoneIndex.revisions, `horizontal` a Containment
    (only UNCERTAIN or INSIDE: a zone not listed is OUTSIDE), `vertical` a VerticalRelation (INSIDE
    for a zone without a band). `unscheduled` flags zones of which nobody can tell whether they are
    in force at that time (see Schedule.activity): they are at best UNCERTAIN. `x_m`, `y_m`, of
    shape (n,), are the points in the index's plane.

    A point of unknown radius is never INSIDE. It is UNCERTAIN of the zones within
    UNKNOWN_RADIUS_M, and the absence of a zone proves nothing: the caller, who knows which radii
    are NaN, must call such a point undecided.
    """

    point: Integers
    zone: Integers
    horizontal: Codes
    vertical: Codes
    unscheduled: Flags
    x_m: Reals
    y_m: Reals

    def keep(self, pairs: Flags) -> Placement:
        """Only the flagged pairs; the points stay."""
        return Placement(
            self.point[pairs],
            self.zone[pairs],
            self.horizontal[pairs],
            self.vertical[pairs],
            self.unscheduled[pairs],
            self.x_m,
            self.y_m,
        )
