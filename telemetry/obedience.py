"""When telemetry itself shows that a vehicle complies with a directive: an observation of this worker."""

from __future__ import annotations

import numpy as np

from geofences.datum import convert_altitudes_m
from geofences.zones import Datum
from telemetry.directives import Demand, DirectiveKind, Obeyed
from telemetry.findings import Finding
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

#: By directive: the time of the first sample of the run that complies, and how many there were.
Runs = dict[int, tuple[int, int]]


class Obedience:
    """How long each vehicle has complied with what is demanded of it.

    It is not stored: after a restart a vehicle has to comply a little longer, that is all. Observing
    changes nothing until it is kept: a flush may fail.
    """

    def __init__(self) -> None:
        self._runs: Runs = {}

    def observe(self, rulebook: Rulebook, judged: JudgedBatch) -> tuple[list[Obeyed], Runs]:
        """What is complied with now, and what to keep. Each vehicle's samples are together and in order."""
        waiting = {demand.directive for of_vehicle in rulebook.demands.values() for demand in of_vehicle}
        runs = {directive: run for directive, run in self._runs.items() if directive in waiting}
        obeyed: list[Obeyed] = []
        samples = judged.samples
        for vehicle, of_vehicle in rulebook.demands.items():
            rows = np.flatnonzero((samples.vehicle == vehicle) & ~judged.late)
            for demand in of_vehicle:
                since = rows[samples.timestamp_ms[rows] >= demand.issued_at_ms]
                seen = _followed(demand, since, rulebook, judged, runs)
                if seen >= 0:
                    obeyed.append(
                        Obeyed(demand.directive, vehicle, int(samples.timestamp_ms[seen]), int(samples.seq[seen]))
                    )
        return obeyed, runs

    def keep(self, runs: Runs) -> None:
        """The flush that these were observed in is stored."""
        self._runs = runs


def _followed(demand: Demand, rows: Integers, rulebook: Rulebook, judged: JudgedBatch, runs: Runs) -> int:
    """The row that makes the run long enough (-1: none); `runs` goes on."""
    if not len(rows):
        return -1
    complies, tells = _compliance(demand, rows, rulebook, judged)
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


def _compliance(demand: Demand, rows: Integers, rulebook: Rulebook, judged: JudgedBatch) -> tuple[Flags, Flags]:
    """Whether each sample complies, and whether it tells at all: one that does not neither counts nor interrupts."""
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
