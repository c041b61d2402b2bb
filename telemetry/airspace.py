"""What is near each aircraft: an observation, made for each flush and stored with its samples.

Of all vehicles that a worker knows about: its own and, by telemetry.neighbours, those of other workers.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from geofences.datum import DATUMS
from geofences.zones import Datum
from telemetry.approaches import Approaches, ApproachRules, Sighting
from telemetry.neighbours import Heard, HeardSamples
from telemetry.plausibility import CLOCK_TOLERANCE_MS
from telemetry.ports import Encounter
from telemetry.rulebook import Rulebook
from telemetry.samples import NOT_OBSERVED, Codes, Flags, Integers, Proximity, Reals, SampleBatch
from telemetry.separation import FRESH_MS, Encounters, Flights, Minima, find_encounters, radius_m

_log = logging.getLogger(__name__)

#: Samples of a flush that are so far apart in time are looked at one after the other.
ROUND_MS = 2_000

#: Aircraft named for one aircraft and flush, the nearest ones: a swarm is not written down pair by pair.
MOST_NAMED = 8

#: On the ground: lower than this above it, within the accuracy of its height, and slower. Landed
#: aircraft are near nobody.
LANDED_M = 3.0
LANDED_MPS = 0.5

#: A pair that was not too close for this long meets anew.
ENCOUNTER_GAP_MS = 10_000

_AGL = DATUMS.index(Datum.AGL)


@dataclass(frozen=True, slots=True)
class AirspaceSettings:
    """What is too close, in the air and over a road."""

    minima: Minima = field(default_factory=Minima)
    approaches: ApproachRules = field(default_factory=ApproachRules)


#: When each pair met, and when it was last too close.
_Met = Mapping[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is to be remembered after a flush."""

    flights: Flights
    sighting: Sighting | None
    met: _Met


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """`proximity` of each sample, (n,), and who meets whom; `seen` is to be kept once it is stored."""

    proximity: Codes
    encounters: Sequence[Encounter]
    seen: Seen


class Airspace:
    """The newest state of each aircraft, sorted by vehicle. Observing changes nothing until it is kept."""

    def __init__(self, settings: AirspaceSettings, coverage_factor: float) -> None:
        self._minima = settings.minima
        self._coverage_factor = coverage_factor
        self._approaches = Approaches(settings.approaches)
        self._flights = Flights.none()
        self._met: dict[tuple[int, int], tuple[int, int]] = {}
        self._heard: list[HeardSamples] = []
        self._complete_ms: tuple[int, int] | None = None

    def hear(self, heard: Heard) -> None:
        """Vehicles of other workers. From now on what is near is told of samples that arrived while all were heard."""
        self._heard += heard.samples
        self._complete_ms = heard.complete_from_ms, heard.complete_until_ms

    def observe(self, rulebook: Rulebook, batch: SampleBatch, late: Flags, jump: Flags) -> Observed:
        """What is near the aircraft of a batch. Never raises for what a sample holds.

        Samples that are late, or on the road, are not observed, but it is noted of those with a remote officer
        when vehicles were not heard of: the officer may have more. A position that is not believed (`jump`), or
        one that is not of now, is undecided and moves no aircraft.
        """
        proximity = np.full(len(batch), NOT_OBSERVED, dtype=np.int8)
        proximity[self._is_partial(batch) & (batch.officer_load >= 0) & ~late] = Proximity.UNHEARD
        flies = rulebook.flies[rulebook.rows_of(batch.vehicle)] & ~late
        try:
            sighting = self._approaches.sighted(rulebook.zones, batch, np.flatnonzero(~flies & ~late))
            self._take_heard(rulebook)
            if not flies.any():
                return Observed(proximity, (), Seen(self._flights, sighting, {}))
            proximity[flies] = Proximity.UNDECIDED
            return self._look(rulebook, batch, flies & ~jump, proximity, sighting)
        except Exception:  # noqa: BLE001 - whatever fails must end as undecided, never as a lost sample
            _log.exception("what is near %d samples of aircraft could not be told", flies.sum())
        proximity[flies] = Proximity.FAILED
        return Observed(proximity, (), Seen(self._flights, None, {}))

    def keep(self, seen: Seen) -> None:
        """The flush that this was observed in is stored."""
        self._flights = seen.flights
        self._approaches.keep(seen.sighting)
        if seen.met:
            self._met.update(seen.met)
            since_ms = max(last_ms for _, last_ms in seen.met.values()) - 2 * ENCOUNTER_GAP_MS
            self._met = {pair: met for pair, met in self._met.items() if met[1] >= since_ms}

    def _take_heard(self, rulebook: Rulebook) -> None:
        """What was heard of is true whether or not this flush will be stored."""
        heard, self._heard = self._heard, []
        flights = []
        for each in heard:
            self._approaches.keep(self._approaches.sighted(rulebook.zones, each.batch, np.flatnonzero(~each.flies)))
            if len(rows := _of_now(each.batch, each.flies & each.believed)):
                flights.append(flights_of(each.batch, rows, self._coverage_factor))
        if flights:
            known = self._flights.renewed(*flights)
            height_m = known.altitude_m + rulebook.source.vertical.offsets_m()[known.altitude_datum, _AGL]
            self._flights = known.without(known.vehicle[self._landed(known, height_m)])

    def _look(
        self,
        rulebook: Rulebook,
        batch: SampleBatch,
        believed: Flags,
        proximity: Codes,
        sighting: Sighting | None,
    ) -> Observed:
        """The same of aircraft whose positions are believed, written into `proximity`."""
        rows = _of_now(batch, believed)
        offsets_m = rulebook.source.vertical.offsets_m()
        subjects = flights_of(batch, rows, self._coverage_factor)
        height_m = subjects.altitude_m + offsets_m[subjects.altitude_datum, _AGL]
        landed = self._landed(subjects, height_m)
        bits = np.zeros(len(rows), dtype=np.int8)
        bits[self._approaches.conflicts(subjects, height_m, sighting) & ~landed] |= Proximity.VERTIPORT
        known, encounters = self._flights, dict[tuple[int, int], Encounter]()
        for some in _rounds(subjects.timestamp_ms):
            known = known.renewed(subjects.take(some)).without(subjects.vehicle[some[landed[some]]])
            flying = some[~landed[some]]
            found = find_encounters(subjects.take(flying), known, offsets_m, self._minima)
            near = np.where(found.is_now, Proximity.CLOSE, Proximity.CLOSING).astype(np.int8)
            np.bitwise_or.at(bits, flying[found.subject], near)
            encounters.update(self._encounters(subjects.take(flying), known, found, encounters))
        vague = ~(batch.horizontal_accuracy_m[rows] * self._coverage_factor <= subjects.radius_m)
        bits[vague & ~landed & (bits & (Proximity.CLOSE | Proximity.CLOSING) == 0)] |= Proximity.UNDECIDED
        in_question = ~landed | (batch.officer_load[rows] >= 0)
        bits[self._is_partial(batch)[rows] & in_question] |= Proximity.UNHEARD
        proximity[rows] = bits
        met = {pair: (each.began_ms, each.last_seen_ms) for pair, each in encounters.items()}
        return Observed(proximity, list(encounters.values()), Seen(known, sighting, met))

    def _is_partial(self, batch: SampleBatch) -> Flags:
        """Which samples arrived while vehicles of other workers were not heard of."""
        if self._complete_ms is None:
            return np.zeros(len(batch), dtype=np.bool_)
        from_ms, until_ms = self._complete_ms
        return (batch.received_ms < from_ms) | (batch.received_ms > until_ms)

    def _landed(self, flights: Flights, height_m: Reals) -> Flags:
        """At rest on the ground; where nobody can tell how high that is, at rest at a vertiport."""
        landed: Flags = (np.hypot(flights.east_mps, flights.north_mps) < LANDED_MPS) & (
            np.abs(np.nan_to_num(flights.climb_mps)) < LANDED_MPS
        )
        lowest_m = height_m - np.fmin(np.nan_to_num(flights.vertical_radius_m), LANDED_M)
        landed &= ~(lowest_m >= LANDED_M)
        unknown = np.flatnonzero(landed & np.isnan(height_m))
        landed[unknown] = self._approaches.at_vertiports(flights.take(unknown))
        return landed

    def _encounters(
        self, subjects: Flights, others: Flights, found: Encounters, earlier: Mapping[tuple[int, int], Encounter]
    ) -> Iterator[tuple[tuple[int, int], Encounter]]:
        """The newest of each pair; of many, those of the nearest."""
        named = found.take(_nearest(found))
        columns = (
            subjects.vehicle[named.subject],
            others.vehicle[named.other],
            subjects.timestamp_ms[named.subject],
            named.horizontal_m,
            named.vertical_m,
            named.closest_in_s,
            named.closest_horizontal_m,
            named.closest_vertical_m,
        )
        for vehicle, other, at_ms, across_m, up_m, in_s, least_m, least_up_m in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            pair = vehicle, other
            before = earlier.get(pair)
            began_ms, last_ms = (
                (before.began_ms, before.last_seen_ms) if before else self._met.get(pair, (at_ms, at_ms))
            )
            yield (
                pair,
                Encounter(
                    vehicle=vehicle,
                    other=other,
                    began_ms=began_ms if at_ms - last_ms <= ENCOUNTER_GAP_MS else at_ms,
                    last_seen_ms=at_ms,
                    horizontal_m=across_m,
                    vertical_m=_said(up_m),
                    closest_at_ms=at_ms + round(1000 * in_s),
                    closest_horizontal_m=least_m,
                    closest_vertical_m=_said(least_up_m),
                ),
            )


def _of_now(batch: SampleBatch, where: Flags) -> Integers:
    """The rows of the flagged samples that were of their time when they arrived."""
    ahead_ms = batch.timestamp_ms - batch.received_ms
    return np.flatnonzero(where & (ahead_ms >= -FRESH_MS) & (ahead_ms <= CLOCK_TOLERANCE_MS))


def flights_of(batch: SampleBatch, rows: Integers, coverage_factor: float) -> Flights:
    """The rows as flights. Without heading the velocity is unknown, unless the aircraft stands in the air."""
    speed_mps, heading = batch.speed_mps[rows], np.radians(batch.heading_deg[rows])
    heading = np.where(np.isnan(heading) & (speed_mps < LANDED_MPS), 0.0, heading)
    return Flights(
        vehicle=batch.vehicle[rows],
        timestamp_ms=batch.timestamp_ms[rows],
        lon=batch.lon[rows],
        lat=batch.lat[rows],
        altitude_m=batch.altitude_m[rows],
        altitude_datum=batch.altitude_datum[rows],
        east_mps=speed_mps * np.sin(heading),
        north_mps=speed_mps * np.cos(heading),
        climb_mps=batch.vertical_speed_mps[rows],
        radius_m=radius_m(batch.horizontal_accuracy_m[rows], coverage_factor),
        vertical_radius_m=batch.vertical_accuracy_m[rows] * coverage_factor,
    )


def _rounds(timestamp_ms: Integers) -> Iterator[Integers]:
    """The rows, in the order of time, by intervals of ROUND_MS."""
    if not len(timestamp_ms):
        return
    number = (timestamp_ms - timestamp_ms.min()) // ROUND_MS
    for each in np.unique(number).tolist():
        yield np.flatnonzero(number == each)


def _nearest(found: Encounters) -> Integers:
    """Rows of the MOST_NAMED nearest of each subject, in the order of the subjects."""
    order = np.lexsort((found.closest_horizontal_m, found.subject))
    subject = found.subject[order]
    rank = np.arange(len(order)) - np.searchsorted(subject, subject)
    return order[rank < MOST_NAMED]


def _said(value: float) -> float | None:
    return None if np.isnan(value) else value
