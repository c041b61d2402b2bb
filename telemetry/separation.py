"""How close aircraft come to each other, now and soon: pairs by a spatial index, each in closed form.

Aircraft go on as they are seen: straight on, with the same speed. Horizontal and vertical distance
count together, at the same time. Doubt counts as nearness: accuracy circles shrink the distance, and
an unknown height is that of everybody else.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from geofences.placement import UNKNOWN_RADIUS_M
from geofences.projection import NOWHERE_M, LocalMetric
from telemetry.samples import Codes, Flags, Integers, Reals

#: A state older or younger than this says nothing about where the aircraft is now.
FRESH_MS = 10_000

#: Below this a difference of velocities is none (rounding), and a distance stays what it is.
_SAME_MPS = 1e-9

_FARTHEST_NORTH = 80.0


@dataclass(frozen=True, slots=True)
class Minima:
    """Aircraft nearer than both distances are too close; so are those that will be within `look_ahead_s`.

    No text of the field fixes minima for such aircraft: the defaults are those of a near mid-air
    collision as studies of unmanned traffic use them, 500 ft and 100 ft [U].
    """

    horizontal_m: float = 150.0
    vertical_m: float = 30.0
    look_ahead_s: float = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class Flights:
    """n aircraft as they were seen, columns (n,). NaN is unknown; a known velocity has all three parts.

    Positions are WGS-84 degrees, `east_mps` and `north_mps` the horizontal velocity, `radius_m` and
    `vertical_radius_m` half widths of where the aircraft may be, any coverage factor applied.
    """

    vehicle: Integers
    timestamp_ms: Integers
    lon: Reals
    lat: Reals
    altitude_m: Reals
    altitude_datum: Codes
    east_mps: Reals
    north_mps: Reals
    climb_mps: Reals
    radius_m: Reals
    vertical_radius_m: Reals

    def __len__(self) -> int:
        return len(self.vehicle)

    @classmethod
    def none(cls) -> Flights:
        """No aircraft."""
        kinds = {"Integers": np.int64, "Reals": np.float64, "Codes": np.int8}
        return cls(*(np.empty(0, dtype=kinds[str(column.type)]) for column in fields(cls)))

    def take(self, rows: Integers | Flags) -> Flights:
        """Some of them, by row or by flag."""
        return Flights(*(getattr(self, column.name)[rows] for column in fields(Flights)))

    def renewed(self, *newer: Flights) -> Flights:
        """The newest of these and the others of each vehicle, sorted by vehicle."""
        columns = (column.name for column in fields(Flights))
        both = Flights(*(np.concatenate([getattr(each, name) for each in (self, *newer)]) for name in columns))
        order = np.lexsort((both.timestamp_ms, both.vehicle))
        vehicle = both.vehicle[order]
        return both.take(order[np.append(vehicle[1:] != vehicle[:-1], True)[: len(order)]])

    def without(self, vehicle: Integers) -> Flights:
        """All but these vehicles'."""
        return self.take(~np.isin(self.vehicle, vehicle)) if len(vehicle) else self


@dataclass(frozen=True, slots=True, eq=False)
class Encounters:
    """Pairs that are too close or will be, columns (p,): rows of the subjects and of the others.

    Distances are between the positions as reported; NaN where a height is unknown. `closest_in_s` is
    when they are nearest to each other, horizontally, while too close.
    """

    subject: Integers
    other: Integers
    is_now: Flags
    horizontal_m: Reals
    vertical_m: Reals
    closest_in_s: Reals
    closest_horizontal_m: Reals
    closest_vertical_m: Reals

    @classmethod
    def none(cls) -> Encounters:
        """No pair."""
        rows, reals = np.empty(0, dtype=np.int64), np.empty(0)
        return cls(rows, rows, np.empty(0, dtype=np.bool_), reals, reals, reals, reals, reals)

    def take(self, rows: Integers | Flags) -> Encounters:
        """Some of them, by row or by flag."""
        return Encounters(*(getattr(self, column.name)[rows] for column in fields(Encounters)))


def find_encounters(subjects: Flights, others: Flights, datum_offsets_m: Reals, minima: Minima) -> Encounters:
    """Who of `others` comes too close to whom of `subjects`, itself excluded, as of each subject's own time.

    `datum_offsets_m` is geofences.datum.VerticalReference.offsets_m. Memory grows with the pairs whose
    ways within the look-ahead have overlapping boxes.
    """
    if not len(subjects) or not len(others):
        return Encounters.none()
    # Around the middle one: a single aircraft that says it is elsewhere moves nobody else.
    lon, lat = round(float(np.median(subjects.lon)), 1), round(float(np.median(subjects.lat)), 1)
    metric = _plane(lon, max(-_FARTHEST_NORTH, min(lat, _FARTHEST_NORTH)))
    here, there = _Ways.of(subjects, metric), _Ways.of(others, metric)
    earliest_ms, latest_ms = int(subjects.timestamp_ms.min()), int(subjects.timestamp_ms.max())
    tree = shapely.STRtree(there.boxes(earliest_ms, latest_ms, minima.look_ahead_s, minima.horizontal_m))
    subject, other = tree.query(here.boxes(subjects.timestamp_ms, subjects.timestamp_ms, minima.look_ahead_s, 0.0))
    apart_ms = subjects.timestamp_ms[subject] - others.timestamp_ms[other]
    sound = (subjects.vehicle[subject] != others.vehicle[other]) & (np.abs(apart_ms) <= FRESH_MS)
    return _closed_form(here, there, (subject[sound], other[sound]), datum_offsets_m, minima)


def _closed_form(
    here: _Ways, there: _Ways, pairs: tuple[Integers, Integers], datum_offsets_m: Reals, minima: Minima
) -> Encounters:
    """Of these pairs those that are too close at some time, each from its quadratic equation.

    Heights are looked at of those alone that come close horizontally: a small part.
    """
    one, two = here.flights, there.flights
    subject, other = pairs
    elapsed_s = (one.timestamp_ms[subject] - two.timestamp_ms[other]) / 1000
    drift = there.velocity[:, other]
    away = there.place[:, other] + drift * elapsed_s - here.place[:, subject]  # (2, p) metres
    drift -= here.velocity[:, subject]
    reach_m = minima.horizontal_m + one.radius_m[subject] + two.radius_m[other]
    from_s, to_s, nearest_s = _within_circle(away, drift, reach_m)
    horizon_s = np.where(here.is_moving[subject] & there.is_moving[other], minima.look_ahead_s, 0.0)
    near = np.flatnonzero((from_s <= horizon_s) & (to_s >= 0))
    subject, other, elapsed_s, away, drift = subject[near], other[near], elapsed_s[near], away[:, near], drift[:, near]
    up_m, climb_mps = _vertically(one.take(subject), two.take(other), elapsed_s, datum_offsets_m)
    room_m = minima.vertical_m + one.vertical_radius_m[subject] + two.vertical_radius_m[other]
    steep_from_s, steep_to_s = _within_band(up_m, climb_mps, room_m)
    from_s = np.maximum(np.maximum(from_s[near], steep_from_s), 0.0)
    to_s = np.minimum(np.minimum(to_s[near], steep_to_s), horizon_s[near])
    is_now = (np.hypot(*away) < reach_m[near]) & ~(np.abs(up_m) >= room_m)
    found = np.flatnonzero(is_now | (from_s < to_s))
    at_s = np.clip(nearest_s[near], from_s, np.maximum(to_s, from_s))[found]
    then = away[:, found] + drift[:, found] * at_s
    return Encounters(
        subject=subject[found],
        other=other[found],
        is_now=is_now[found],
        horizontal_m=np.hypot(*away[:, found]),
        vertical_m=np.abs(up_m[found]),
        closest_in_s=at_s,
        closest_horizontal_m=np.hypot(*then),
        closest_vertical_m=np.abs(up_m[found] + climb_mps[found] * at_s),
    )


def _vertically(one: Flights, two: Flights, elapsed_s: Reals, datum_offsets_m: Reals) -> tuple[Reals, Reals]:
    """How much higher the second ones are, and how fast that grows."""
    climb_mps, other_climb_mps = np.nan_to_num(one.climb_mps), np.nan_to_num(two.climb_mps)
    tie_m = datum_offsets_m[two.altitude_datum, one.altitude_datum]
    tie_m = np.where(one.altitude_datum < 0, np.nan, tie_m)
    up_m: Reals = two.altitude_m + tie_m + other_climb_mps * elapsed_s - one.altitude_m
    return up_m, other_climb_mps - climb_mps


def _within_circle(away: Reals, drift: Reals, reach_m: Reals) -> tuple[Reals, Reals, Reals]:
    """From when to when a point is within the circle around the origin, and when it is nearest to its middle.

    The first is after the second for one that never is.
    """
    speed_2 = (drift * drift).sum(axis=0)
    along = (away * drift).sum(axis=0)
    outside = (away * away).sum(axis=0) - reach_m * reach_m
    moves = speed_2 > _SAME_MPS
    divisor = np.where(moves, speed_2, 1.0)
    root = np.sqrt(np.maximum(along * along - speed_2 * outside, 0.0))
    ever = np.where(moves, along * along > speed_2 * outside, outside < 0)
    from_s = np.where(moves, (-along - root) / divisor, -np.inf)
    to_s = np.where(moves, (-along + root) / divisor, np.inf)
    nearest_s = np.where(moves, -along / divisor, 0.0)
    return np.where(ever, from_s, np.inf), np.where(ever, to_s, -np.inf), nearest_s


def _within_band(up_m: Reals, climb_mps: Reals, room_m: Reals) -> tuple[Reals, Reals]:
    """From when to when a height is less than `room_m` from zero; at all times for one that is unknown."""
    moves = np.abs(climb_mps) > _SAME_MPS
    divisor = np.where(moves, climb_mps, 1.0)
    one_s, other_s = (-room_m - up_m) / divisor, (room_m - up_m) / divisor
    level = ~(np.abs(up_m) >= room_m)
    unknown = np.isnan(up_m) | np.isnan(room_m)
    from_s = np.where(moves, np.minimum(one_s, other_s), np.where(level, -np.inf, np.inf))
    to_s = np.where(moves, np.maximum(one_s, other_s), np.where(level, np.inf, -np.inf))
    return np.where(unknown, -np.inf, from_s), np.where(unknown, np.inf, to_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """Flights in the plane: `place` and `velocity` are (2, n); a velocity that is unknown is zero there."""

    flights: Flights
    place: Reals
    velocity: Reals
    is_moving: Flags

    @classmethod
    def of(cls, flights: Flights, metric: LocalMetric) -> _Ways:
        place = np.stack(metric.forward(flights.lon, flights.lat))
        place[place == NOWHERE_M] = np.nan  # in no box: what is off the plane is near nobody
        velocity = np.stack([flights.east_mps, flights.north_mps])
        known: Flags = ~np.isnan(velocity[0] + velocity[1])
        return cls(flights, place, np.where(known, velocity, 0.0), known)

    def boxes(
        self, earliest_ms: Integers | int, latest_ms: Integers | int, look_ahead_s: float, margin_m: float
    ) -> NDArray[np.object_]:
        """Where each may be from the earliest time until `look_ahead_s` after the latest one."""
        seen_ms = self.flights.timestamp_ms
        first_s = np.clip(earliest_ms - seen_ms, -FRESH_MS, FRESH_MS) / 1000
        last_s = np.clip(latest_ms - seen_ms, -FRESH_MS, FRESH_MS) / 1000 + look_ahead_s
        begin, end = self.place + self.velocity * first_s, self.place + self.velocity * last_s
        grown_m = self.flights.radius_m + margin_m
        west, south = np.minimum(begin, end) - grown_m
        east, north = np.maximum(begin, end) + grown_m
        return np.asarray(shapely.box(west, south, east, north))


@lru_cache(maxsize=16)
def _plane(lon: float, lat: float) -> LocalMetric:
    return LocalMetric.around(lon, lat)


def radius_m(horizontal_accuracy_m: Reals, coverage_factor: float) -> Reals:
    """The circle that an aircraft is in. An unknown accuracy, and one that is worse, is UNKNOWN_RADIUS_M."""
    return np.fmin(horizontal_accuracy_m * coverage_factor, UNKNOWN_RADIUS_M)
