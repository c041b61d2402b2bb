"""Zone revisions as columns: when each is in force, and where an altitude lies against its band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geofences.datum import DATUMS, VerticalReference, limits_m
from geofences.placement import Codes, Flags, Integers, Points, Reals
from geofences.schedule import Activity, Schedule
from geofences.zones import VerticalRelation, ZoneRevision

#: The number of the band of zones that have none.
UNBANDED = 0


@dataclass(frozen=True, slots=True, eq=False)
class ZoneColumns:
    """Columns of shape (z,), read-only; limits in metres of the zone's own datum.

    `band` numbers the distinct bands (UNBANDED: none): zones with the same number can be united.
    `schedule` is a row of `schedules`, -1 where a zone has none; `is_solar` where it knows sun events.
    """

    starts_at_ms: Integers
    ends_at_ms: Integers
    lower_m: Reals
    upper_m: Reals
    datum: Integers
    band: Integers
    schedule: Integers
    schedules: tuple[Schedule, ...]
    is_solar: Flags
    offsets_m: Reals

    @property
    def bands(self) -> int:
        """How many numbers `band` has."""
        return int(self.band.max(initial=UNBANDED)) + 1

    @classmethod
    def of(cls, revisions: Sequence[ZoneRevision], vertical: VerticalReference) -> ZoneColumns:
        """Columns of the revisions. Raises InvalidZone for an impossible band."""
        limits = [limits_m(revision.band) if revision.band else (-np.inf, np.inf) for revision in revisions]
        datum = [DATUMS.index(revision.band.datum) if revision.band else 0 for revision in revisions]
        schedules = tuple(dict.fromkeys(revision.schedule for revision in revisions if revision.schedule))
        bands: dict[tuple[float, float, int], int] = {}
        columns = cls(
            np.array([revision.starts_at_ms for revision in revisions], dtype=np.int64),
            np.array([revision.ends_at_ms for revision in revisions], dtype=np.int64),
            np.array([lower for lower, _ in limits], dtype=np.float64),
            np.array([upper for _, upper in limits], dtype=np.float64),
            np.array(datum, dtype=np.int64),
            np.array(
                [
                    bands.setdefault((*limit, code), len(bands) + 1) if revision.band else UNBANDED
                    for revision, limit, code in zip(revisions, limits, datum, strict=True)
                ],
                dtype=np.int64,
            ),
            np.array(
                [schedules.index(revision.schedule) if revision.schedule else -1 for revision in revisions],
                dtype=np.int64,
            ),
            schedules,
            np.array(
                [bool(revision.schedule and revision.schedule.is_solar) for revision in revisions], dtype=np.bool_
            ),
            vertical.offsets_m(),
        )
        freeze(columns)
        return columns

    def in_force(self, zone: Integers, timestamp_ms: Integers) -> Flags:
        """For pairs (m,) of a zone's row and an instant: is the revision in force and its window open?

        Also where that is not known, see `unscheduled`.
        """
        in_force = (self.starts_at_ms.take(zone) <= timestamp_ms) & (timestamp_ms < self.ends_at_ms.take(zone))
        if self.schedules:
            timed = in_force & (self.schedule.take(zone) >= 0)
            in_force &= self._activity(zone, timestamp_ms, timed) != Activity.CLOSED
        return in_force

    def unscheduled(self, zone: Integers, timestamp_ms: Integers) -> Flags:
        """For pairs (m,): can it not be told whether the zone's window is open at the instant?"""
        if not self.is_solar.any():
            return np.zeros(len(zone), dtype=np.bool_)
        unknown: Flags = self._activity(zone, timestamp_ms, self.is_solar.take(zone)) == Activity.UNKNOWN
        return unknown

    def _activity(self, zone: Integers, timestamp_ms: Integers, timed: Flags) -> Codes:
        """Activity (m,) of the zones' schedules for the flagged pairs, OPEN for the others."""
        activity = np.full(len(zone), Activity.OPEN, dtype=np.int8)
        rows = np.flatnonzero(timed)
        schedule = self.schedule.take(zone.take(rows))
        for number in np.unique(schedule).tolist():
            pairs = rows[schedule == number]
            activity[pairs] = self.schedules[number].activity(timestamp_ms[pairs])
        return activity

    def vertical(self, points: Points, point: Integers, zone: Integers) -> Codes:
        """VerticalRelation of pairs (m,): INSIDE without a band, UNCERTAIN for what is not known."""
        # Row -1 of the table, "absent", is its row 3 as well: every code becomes a place in the flat table.
        source = (points.altitude_datum & 3).astype(np.int64) * 3
        altitude_m = points.altitude_m.take(point) + self.offsets_m.take(source.take(point) + self.datum.take(zone))
        radius_m = points.vertical_radius_m.take(point)
        return self.relation(zone, altitude_m - radius_m, altitude_m + radius_m)

    def relation(self, zone: Integers, lowest_m: Reals, highest_m: Reals) -> Codes:
        """VerticalRelation of closed intervals (m,), in the zones' datums, to the zones' bands.

        Comparisons with NaN are false, so that whatever is unknown ends as UNCERTAIN.
        """
        lower_m, upper_m = self.lower_m.take(zone), self.upper_m.take(zone)
        inside = (lowest_m >= lower_m) & (highest_m <= upper_m)
        inside |= self.band.take(zone) == UNBANDED
        above = (lowest_m > upper_m).view(np.int8)
        below = (highest_m < lower_m).view(np.int8)
        # BELOW 0, UNCERTAIN 1, INSIDE 2, ABOVE 3: of the three flags at most one is set.
        relation: Codes = VerticalRelation.UNCERTAIN + inside.view(np.int8) + 2 * above - below
        return relation


def freeze(columns: object) -> None:
    """Make every array of a slotted dataclass read-only."""
    for name in columns.__slots__:  # type: ignore[attr-defined]  # dataclasses with slots have it
        value = getattr(columns, name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
