"""When telemetry itself shows that a vehicle complies with a directive: an observation of this worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from geofences.datum import convert_altitudes_m
from geofences.placement import Points
from geofences.zones import Datum
from telemetry.approach import closed_place
from telemetry.directives import Demand, DemandedPlace, DirectiveKind, Obeyed
from telemetry.findings import Finding
from telemetry.places import SPEED_TOLERANCE_MPS
from telemetry.rulebook import Rulebook
from telemetry.samples import Flags, Integers, JudgedBatch, Reals, VehicleKind

#: A vehicle complies when its live samples have shown nothing else for so long, and at least so many of them.
STEADY_MS = 3_000
STEADY_COUNT = 3
STANDING_MPS = 0.5
#: An aircraft halts on the ground: one that hovers has not landed. On a roof a person has to settle it.
LANDED_M = 3.0

_OUT_OF_PLACE = (
    Finding.OUTSIDE_AREA
    | Finding.RESTRICTED_AREA
    | Finding.ABOVE_CEILING
    | Finding.BELOW_FLOOR
    | Finding.PERMIT_MISSING
)
#: Findings that a directive is to end.
_TO_END = {DirectiveKind.LEAVE: _OUT_OF_PLACE, DirectiveKind.SLOW: Finding.OVERSPEED}

#: Findings that say that a sample is not where or when it says: it shows nobody out of a place.
_UNTRUE = int(Finding.CLOCK_SKEW | Finding.IMPLAUSIBLE_JUMP)

#: By directive: the time of the first sample of the run that complies, and how many there were.
Runs = dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known of the directives that stand: runs that go on, and those that were complied with."""

    runs: Runs = field(default_factory=dict)
    obeyed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """A batch with who is certainly out of each place that a directive is about, columns (n,)."""

    rulebook: Rulebook
    judged: JudgedBatch
    outside: Mapping[DemandedPlace, Flags]


class Obedience:
    """How long each vehicle has complied with what is demanded of it.

    It is not stored: after a restart a vehicle has to comply a little longer, that is all. Observing
    changes nothing until it is kept: a flush may fail. `coverage_factor` makes accuracy circles of
    reported accuracies.
    """

    def __init__(self, coverage_factor: float) -> None:
        self._coverage_factor = coverage_factor
        self._observed = Observed()

    def observe(self, rulebook: Rulebook, judged: JudgedBatch) -> tuple[list[Obeyed], Observed]:
        """What is complied with now, and what to keep. Each vehicle's samples are together and in order."""
        standing = {demand.directive for of_vehicle in rulebook.demands.values() for demand in of_vehicle}
        runs = {directive: run for directive, run in self._observed.runs.items() if directive in standing}
        scene = _Scene(rulebook, judged, _outside(rulebook, judged, self._coverage_factor))
        obeyed: list[Obeyed] = []
        samples = judged.samples
        for vehicle, of_vehicle in rulebook.demands.items():
            rows = np.flatnonzero((samples.vehicle == vehicle) & ~judged.late)
            # What was complied with may stand on, as what keeps a vehicle out of a place: it is told once.
            for demand in (each for each in of_vehicle if each.directive not in self._observed.obeyed):
                since = rows[samples.timestamp_ms[rows] >= demand.issued_at_ms]
                seen = _followed(demand, since, scene, runs)
                if seen >= 0:
                    obeyed.append(
                        Obeyed(demand.directive, vehicle, int(samples.timestamp_ms[seen]), int(samples.seq[seen]))
                    )
        known = self._observed.obeyed & standing
        return obeyed, Observed(runs, known | {each.directive for each in obeyed})

    def keep(self, observed: Observed) -> None:
        """The flush that this was observed in is stored."""
        self._observed = observed


def _outside(rulebook: Rulebook, judged: JudgedBatch, coverage_factor: float) -> Mapping[DemandedPlace, Flags]:
    demanded = (demand.place for of_vehicle in rulebook.demands.values() for demand in of_vehicle)
    places = {place for place in demanded if place is not None}
    if not places:
        return {}
    samples = judged.samples
    points = Points(
        lon=samples.lon,
        lat=samples.lat,
        radius_m=samples.horizontal_accuracy_m * coverage_factor,
        altitude_m=samples.altitude_m,
        altitude_datum=samples.altitude_datum,
        vertical_radius_m=samples.vertical_accuracy_m * coverage_factor,
        timestamp_ms=samples.timestamp_ms,
    )
    return {place: closed_place(place, rulebook.source.vertical).stands(points).outside for place in places}


def _followed(demand: Demand, rows: Integers, scene: _Scene, runs: Runs) -> int:
    """The row that makes the run long enough (-1: none); `runs` goes on."""
    if not len(rows):
        return -1
    judged = scene.judged
    complies, tells = _compliance(demand, rows, scene)
    telling = rows[tells]
    times_ms: list[int] = judged.samples.timestamp_ms[telling].tolist()
    for place, (time_ms, is_compliant) in enumerate(zip(times_ms, complies[tells].tolist(), strict=True)):
        if not is_compliant:
            runs.pop(demand.directive, None)
            continue
        first_ms, count = runs.get(demand.directive, (time_ms, 0))
        runs[demand.directive] = first_ms, count + 1
        if count + 1 >= STEADY_COUNT and time_ms - first_ms >= STEADY_MS:
            return int(telling[place])
    return -1


def _compliance(demand: Demand, rows: Integers, scene: _Scene) -> tuple[Flags, Flags]:
    """Whether each sample complies, and whether it tells at all: one that does not neither counts nor interrupts."""
    rulebook, judged = scene.rulebook, scene.judged
    if demand.place is not None:
        outside, untrue = scene.outside[demand.place][rows], judged.verdict[rows] & _UNTRUE > 0
        return outside, ~(outside & untrue)
    if demand.speed_mps is not None:
        speed_mps = judged.samples.speed_mps[rows]
        return speed_mps <= demand.speed_mps + SPEED_TOLERANCE_MPS, ~np.isnan(speed_mps)
    if demand.kind is DirectiveKind.HALT:
        speed_mps = judged.samples.speed_mps[rows]
        stands = speed_mps < STANDING_MPS
        if rulebook.vehicles[demand.vehicle].kind is VehicleKind.ROAD:
            return stands, ~np.isnan(speed_mps)
        height_m = _height_m(rows, rulebook, judged)
        flies = (height_m > LANDED_M) | (speed_mps >= STANDING_MPS)
        return stands & (height_m <= LANDED_M), flies | ~(np.isnan(speed_mps) | np.isnan(height_m))
    to_end = int(_TO_END[demand.kind])
    shows = judged.verdict[rows] & to_end > 0
    return ~shows, shows | (judged.undecided[rows] & to_end == 0)


def _height_m(rows: Integers, rulebook: Rulebook, judged: JudgedBatch) -> Reals:
    """Above the ground; NaN where the vehicle did not say, or its datum cannot be converted."""
    samples = judged.samples
    return convert_altitudes_m(
        samples.altitude_m[rows], samples.altitude_datum[rows], Datum.AGL, rulebook.source.vertical
    )
