"""How far and how long vehicles drove, and where: stored samples to totals by vehicle and set of zones.

A stretch between two samples of one vehicle counts when the straight line between them is what was
driven: at most 10 s apart, both believed, and faster than a standing vehicle's noise. It counts where
it ends. It is driven in automation when both samples say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from geofences.index import ZoneIndex
from geofences.placement import Flags, Integers, Points, Reals
from geofences.zones import Containment, VerticalRelation, ZoneKind
from telemetry.findings import Finding
from telemetry.places import STRAIGHT_MS
from telemetry.samples import Codes, Mode

#: Kinds of zones that a permit can grant, and so those on which experience is gathered.
GRANTABLE = frozenset({ZoneKind.TEST_ROAD, ZoneKind.TEST_AREA, ZoneKind.AIR_CORRIDOR, ZoneKind.VERTIPORT})

_STANDING_MPS = 0.5
_EARTH_RADIUS_M = 6_371_008.8
_UNBELIEVED = int(Finding.IMPLAUSIBLE_JUMP | Finding.CLOCK_SKEW)

#: A vehicle's key, and the ids of the zones in which it was at once, sorted.
Whereabouts = tuple[int, tuple[str, ...]]


@dataclass(slots=True)
class Total:
    """What was driven: metres and seconds, and of them those in automation."""

    distance_m: float = 0.0
    duration_s: float = 0.0
    autonomous_distance_m: float = 0.0
    autonomous_duration_s: float = 0.0
    samples: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Fixes:
    """n stored samples as columns of shape (n,): positions in EPSG:4326, an absent number NaN, a code -1."""

    vehicle: Integers
    timestamp_ms: Integers
    seq: Integers
    lon: Reals
    lat: Reals
    altitude_m: Reals
    altitude_datum: Codes
    speed_mps: Reals
    mode: Codes
    verdict: Integers

    def __len__(self) -> int:
        return len(self.vehicle)

    def take(self, rows: Integers | Flags | slice) -> Fixes:
        """Some of them, by row, by flag or in a stretch."""
        return Fixes(*(getattr(self, name)[rows] for name in self.__slots__))

    def after(self, before: Fixes) -> Fixes:
        """Both, in the order of vehicle and time."""
        names = self.__slots__
        both = Fixes(*(np.concatenate([getattr(before, name), getattr(self, name)]) for name in names))
        return both.take(np.lexsort((both.seq, both.timestamp_ms, both.vehicle)))


@dataclass(slots=True)
class Odometer:
    """Adds up what was driven, portion by portion in the order of time; keeps one sample of each vehicle between."""

    index: ZoneIndex
    totals: dict[Whereabouts, Total] = field(default_factory=lambda: defaultdict(Total))
    stored: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _last: Fixes | None = None

    def add(self, fixes: Fixes) -> None:
        """Count a portion."""
        for vehicle, count in zip(*map(np.ndarray.tolist, np.unique(fixes.vehicle, return_counts=True)), strict=True):
            self.stored[vehicle] += count
        believed = fixes.take((fixes.verdict & _UNBELIEVED) == 0)
        if not len(believed):
            return
        ordered = believed.after(self._last) if self._last is not None else believed.after(believed.take(slice(0)))
        self._count(ordered)
        ends = np.append(ordered.vehicle[1:] != ordered.vehicle[:-1], True)
        self._last = ordered.take(ends)

    def _count(self, fixes: Fixes) -> None:
        start, end = fixes.take(slice(None, -1)), fixes.take(slice(1, None))
        time_s = (end.timestamp_ms - start.timestamp_ms) / 1000.0
        straight = (start.vehicle == end.vehicle) & (time_s > 0) & (time_s <= STRAIGHT_MS / 1000)
        distance_m = _distance_m(start, end)
        driving = straight & (distance_m >= _STANDING_MPS * time_s) & ~(end.speed_mps < _STANDING_MPS)
        rows = np.flatnonzero(driving)
        if not len(rows):
            return
        automated = (start.mode[rows] == Mode.AUTONOMOUS) & (end.mode[rows] == Mode.AUTONOMOUS)
        places = self._places(end.take(rows))
        for row, vehicle, metres, seconds, by_itself in zip(
            range(len(rows)),
            end.vehicle[rows].tolist(),
            distance_m[rows].tolist(),
            time_s[rows].tolist(),
            automated.tolist(),
            strict=True,
        ):
            total = self.totals[vehicle, places.get(row, ())]
            total.distance_m += metres
            total.duration_s += seconds
            total.samples += 1
            if by_itself:
                total.autonomous_distance_m += metres
                total.autonomous_duration_s += seconds

    def _places(self, fixes: Fixes) -> Mapping[int, tuple[str, ...]]:
        """The zones of each row that lies in any; a position counts as it is stated, the boundary as inside."""
        exact = np.zeros(len(fixes))
        points = Points(
            lon=fixes.lon,
            lat=fixes.lat,
            radius_m=exact,
            altitude_m=fixes.altitude_m,
            altitude_datum=fixes.altitude_datum,
            vertical_radius_m=exact,
            timestamp_ms=fixes.timestamp_ms,
        )
        found = self.index.locate(points)
        within = (found.horizontal == Containment.INSIDE) & (found.vertical == VerticalRelation.INSIDE)
        found = found.keep(within & self.index.of_kind(GRANTABLE)[found.zone])
        pairs = zip(found.point.tolist(), found.zone.tolist(), strict=True)
        revisions = self.index.revisions
        return {
            point: tuple(sorted({revisions[zone].zone_id for _point, zone in group}))
            for point, group in groupby(pairs, key=lambda pair: pair[0])
        }


def _distance_m(start: Fixes, end: Fixes) -> Reals:
    """Along the great circle."""
    lat_a, lat_b = np.radians(start.lat), np.radians(end.lat)
    half_lat, half_lon = (lat_b - lat_a) / 2, np.radians(end.lon - start.lon) / 2
    chord = np.sin(half_lat) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin(half_lon) ** 2
    metres: Reals = 2 * _EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    return metres
