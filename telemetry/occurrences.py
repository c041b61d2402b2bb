"""What happens to vehicles and breaks no permit: takeovers, minimal-risk manoeuvres, hard braking, low batteries.

A value that the vehicle does not report shows nothing, and leaves nothing undecided: no term demands it.
"""

from __future__ import annotations

import numpy as np

from telemetry.findings import Finding
from telemetry.judgement import Case, Judgement
from telemetry.samples import Mode

#: Braking of a road vehicle, about 0.4 g. Not from any standard: this project's own choice.
HARD_BRAKING_MPS2 = -4.0

#: An aircraft needs a reserve to land, a road vehicle stops where it is. This project's own choice as well.
LOW_BATTERY_AIR_PERCENT = 20.0
LOW_BATTERY_ROAD_PERCENT = 10.0


def judge_occurrences(case: Case, into: Judgement) -> None:
    """Findings of the nature `occurrence` that a sample by itself shows."""
    batch = case.batch
    is_aircraft = case.rulebook.flies[case.rulebook.rows_of(batch.vehicle)]
    into.find(Finding.TAKEOVER, batch.mode == Mode.TAKEOVER)
    into.find(Finding.MINIMAL_RISK, batch.mode == Mode.MINIMAL_RISK)
    into.find(Finding.HARD_BRAKING, ~is_aircraft & (batch.acceleration_mps2 <= HARD_BRAKING_MPS2))
    lowest_percent = np.where(is_aircraft, LOW_BATTERY_AIR_PERCENT, LOW_BATTERY_ROAD_PERCENT)
    into.find(Finding.LOW_BATTERY, batch.battery_percent < lowest_percent)
