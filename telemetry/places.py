"""The place of samples: granted zones, restricted zones, speed limits, and the way between two fixes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geofences.grants import GrantStatus
from geofences.placement import Placement, Points
from geofences.zones import Containment, VerticalRelation
from telemetry import belief as fix
from telemetry.findings import Finding
from telemetry.judgement import Case, Judgement
from telemetry.samples import Flags, Integers, Reals

#: Speeds above a limit by less than this are measurement, not driving.
SPEED_TOLERANCE_MPS = 0.5

#: A straight line between two fixes is what was driven only if they are this close in time. Up to
#: SEGMENT_MS apart a crossing is possible, beyond it the line says nothing.
STRAIGHT_MS = 10_000
SEGMENT_MS = 60_000

_RESTRICTED = int(Finding.RESTRICTED_AREA)
_VERTICAL = int(Finding.ABOVE_CEILING | Finding.BELOW_FLOOR)


def judge_place(case: Case, into: Judgement) -> None:
    """All findings that read the position.

    A jumped sample, or one without a stated accuracy, has no place: all of them are undecided.
    """
    batch, permits, zones = case.batch, case.rulebook.permits, case.rulebook.zones
    unstated = np.isnan(batch.horizontal_accuracy_m)
    nowhere = unstated | case.jump
    limit_mps = case.limits(permits.speed_cap_mps)
    banded = case.codes(permits.banded, 0) > 0
    rows = np.flatnonzero(~nowhere)
    if len(rows):
        points = _points(case).take(rows)
        place = _Place(case, points, zones.index.locate(points), rows, into)
        place.judge_grants(banded)
        place.judge_speed_limits(limit_mps)
        place.judge_restricted()
        _judge_ways(case, points, rows, into)
    into.doubt(_RESTRICTED, nowhere)
    into.doubt(int(Finding.OUTSIDE_AREA), nowhere & case.governed)
    into.doubt(_VERTICAL, nowhere & banded)
    into.find(Finding.INDETERMINATE, unstated)
    strictest_mps = zones.speed_limit_mps.min(initial=np.inf)
    into.doubt(
        int(Finding.OVERSPEED), nowhere & np.isfinite(strictest_mps) & _may_exceed(batch.speed_mps, strictest_mps)
    )
    into.find(Finding.OVERSPEED, batch.speed_mps > limit_mps + SPEED_TOLERANCE_MPS)
    into.lack(int(Finding.OVERSPEED), np.isfinite(limit_mps) & np.isnan(batch.speed_mps))
    into.settle(Finding.OVERSPEED | Finding.RESTRICTED_AREA)


def _may_exceed(speed_mps: Reals, limit_mps: Reals | float) -> Flags:
    """Faster than the limit, or of unknown speed."""
    flags: Flags = ~(speed_mps <= limit_mps + SPEED_TOLERANCE_MPS)
    return flags


def _points(case: Case) -> Points:
    batch = case.batch
    return Points(
        lon=batch.lon,
        lat=batch.lat,
        radius_m=batch.horizontal_accuracy_m * case.coverage_factor,
        altitude_m=batch.altitude_m,
        altitude_datum=batch.altitude_datum,
        vertical_radius_m=batch.vertical_accuracy_m * case.coverage_factor,
        timestamp_ms=batch.timestamp_ms,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """The samples that have a place: `rows` of the batch, with their points and placement."""

    case: Case
    points: Points
    placement: Placement
    rows: Integers
    into: Judgement

    def judge_grants(self, banded: Flags) -> None:
        """The union of the permit's zones, per band; no grant is no finding here, but permit_missing."""
        rulebook, governed = self.case.rulebook, self.case.governed
        grant = self.case.codes(rulebook.permits.grant, -1)
        verdict = rulebook.grants.judge(self.points, self.placement, grant[self.rows])
        decided = verdict.revision >= 0
        self.into.zone_revision[self.rows[decided]] = rulebook.zones.revision[verdict.revision[decided]]
        status = np.full(len(governed), GrantStatus.INSIDE, dtype=np.int8)
        status[self.rows] = verdict.status
        status[~governed] = GrantStatus.INSIDE
        self.into.find(Finding.OUTSIDE_AREA, status == GrantStatus.OUTSIDE)
        self.into.find(Finding.ABOVE_CEILING, status == GrantStatus.ABOVE)
        self.into.find(Finding.BELOW_FLOOR, status == GrantStatus.BELOW)
        uncertain = status == GrantStatus.UNCERTAIN
        self.into.doubt(int(Finding.OUTSIDE_AREA), uncertain)
        if banded.any():
            self.into.doubt(_VERTICAL, uncertain & banded)
            self.into.find(Finding.INDETERMINATE, uncertain & banded & self._flag(self._unread_altitudes()))
        unscheduled = np.zeros(len(governed), dtype=np.bool_)
        unscheduled[self.rows] = verdict.unscheduled
        self.into.find(Finding.INDETERMINATE, uncertain & unscheduled)

    def judge_restricted(self) -> None:
        """Restricted zones bind every vehicle."""
        zones = self.case.rulebook.zones
        pairs = zones.restricted[self.placement.zone]
        if not pairs.any():
            return
        sure = pairs & self._sure()
        inside = self._flag(sure)
        self.into.zone_revision[self._batch_rows(sure)] = zones.revision[self.placement.zone[sure]]
        self.into.find(Finding.RESTRICTED_AREA, inside)
        possible = pairs & self._possible()
        self.into.doubt(_RESTRICTED, self._flag(possible) & ~inside)
        unread = self._unread_altitudes() | self.placement.unscheduled
        self.into.find(Finding.INDETERMINATE, self._flag(possible & unread) & ~inside)

    def judge_speed_limits(self, limit_mps: Reals) -> None:
        """Lower `limit_mps` (n,) to the limits of zones that certainly hold; doubt those that may."""
        zones = self.case.rulebook.zones
        limits = zones.speed_limit_mps[self.placement.zone]
        pairs = np.isfinite(limits)
        if not pairs.any():
            return
        speed_mps = self.case.batch.speed_mps
        sure = np.flatnonzero(pairs & self._sure())
        sure = sure[np.argsort(-limits[sure], kind="stable")]  # the strictest last: written last, it stays
        rows = self._batch_rows(sure)
        np.minimum.at(limit_mps, rows, limits[sure])
        broken = speed_mps[rows] > limits[sure] + SPEED_TOLERANCE_MPS
        self.into.zone_revision[rows[broken]] = zones.revision[self.placement.zone[sure[broken]]]
        possible = np.flatnonzero(pairs & self._possible())
        rows = self._batch_rows(possible)
        doubtful = _may_exceed(speed_mps[rows], limits[possible])
        self.into.undecided[rows[doubtful]] |= int(Finding.OVERSPEED)
        self.into.verdict[rows[doubtful & self.placement.unscheduled[possible]]] |= int(Finding.INDETERMINATE)

    def _sure(self) -> Flags:
        placement = self.placement
        flags: Flags = (placement.horizontal == Containment.INSIDE) & (placement.vertical == VerticalRelation.INSIDE)
        return flags

    def _possible(self) -> Flags:
        vertical = self.placement.vertical
        flags: Flags = (vertical == VerticalRelation.INSIDE) | (vertical == VerticalRelation.UNCERTAIN)
        return flags & ~self._sure()

    def _unread_altitudes(self) -> Flags:
        """Pairs whose band cannot be tested since the altitude, its accuracy or its datum's tie is missing."""
        columns = self.case.rulebook.zones.index.columns
        point, zone = self.placement.point, self.placement.zone
        tie_m = columns.offsets_m[self.points.altitude_datum[point], columns.datum[zone]]
        unread = np.isnan(self.points.altitude_m[point] + tie_m + self.points.vertical_radius_m[point])
        flags: Flags = unread & (self.placement.vertical == VerticalRelation.UNCERTAIN)
        return flags

    def _batch_rows(self, pairs: Flags | Integers) -> Integers:
        return self.rows[self.placement.point[pairs]]

    def _flag(self, pairs: Flags) -> Flags:
        """Samples of the batch, (n,), that have one of the flagged pairs."""
        flags = np.zeros(len(self.case.governed), dtype=np.bool_)
        flags[self._batch_rows(pairs)] = True
        return flags


def _judge_ways(case: Case, points: Points, rows: Integers, into: Judgement) -> None:
    """The straight way from the previous believed fix must not cross a restricted zone."""
    zones = case.rulebook.zones
    if not len(zones.barriers.zone):
        return
    since_ms = case.previous[rows, fix.TIMESTAMP]
    near = np.flatnonzero(points.timestamp_ms - since_ms <= SEGMENT_MS)  # NaN, no previous fix, is false
    if not len(near):
        return
    start = _previous_points(case.previous[rows[near]], case.coverage_factor)
    found = zones.barriers.crossings(start, points.take(near))
    if not len(found.segment):
        return
    at = near[found.segment]
    row = rows[at]
    sure = (found.certainty == Containment.INSIDE) & (points.timestamp_ms[at] - since_ms[at] <= STRAIGHT_MS)
    into.undecided[row[~sure]] |= _RESTRICTED
    into.verdict[row[found.unscheduled]] |= int(Finding.INDETERMINATE)
    fresh = sure & (into.verdict[row] & _RESTRICTED == 0)
    into.zone_revision[row[fresh]] = zones.revision[found.zone[fresh]]
    into.crossed_since_ms[row[fresh]] = since_ms[at[fresh]].astype(np.int64)
    into.verdict[row[fresh]] |= _RESTRICTED


def _previous_points(previous: Reals, coverage_factor: float) -> Points:
    return Points(
        lon=previous[:, fix.LON],
        lat=previous[:, fix.LAT],
        radius_m=previous[:, fix.HORIZONTAL] * coverage_factor,
        altitude_m=previous[:, fix.ALTITUDE],
        altitude_datum=previous[:, fix.DATUM].astype(np.int8),
        vertical_radius_m=previous[:, fix.VERTICAL] * coverage_factor,
        timestamp_ms=previous[:, fix.TIMESTAMP].astype(np.int64),
    )
