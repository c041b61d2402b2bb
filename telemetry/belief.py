"""Which fix follows which: the believed track of each vehicle, and the jumps away from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from telemetry.plausibility import SLACK_M, UNSTATED_RADIUS_M, distance_m, reach_m
from telemetry.samples import Flags, Integers, Reals, SampleBatch, group_bounds
from telemetry.tracks import Candidate, Fix, Track

#: A track moves to a far place once this many samples, over this long, agree on it.
REANCHOR_COUNT = 3
REANCHOR_MS = 5_000

#: Far places remembered at once: scattered reflections must not hide the true one.
MAX_CANDIDATES = 3

# Columns of the matrices below, in the order of telemetry.tracks.Fix.
TIMESTAMP, LON, LAT, ALTITUDE, DATUM, HORIZONTAL, VERTICAL, SPEED = range(8)
_WIDTH = 8


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """`jump` (n,): not believed. `previous` (n, 8): the fix believed before each sample, NaN if none.

    `fixes` and `candidates` hold what is believed of each vehicle after its last sample.
    """

    jump: Flags
    previous: Reals
    fixes: dict[int, Fix | None]
    candidates: dict[int, tuple[Candidate, ...]]


def believe(
    batch: SampleBatch, live: Integers, tracks: Mapping[int, Track], top_speed_mps: Reals, coverage_factor: float
) -> Belief:
    """Follow each vehicle from fix to fix.

    `live` (m,) are the rows that count, each vehicle's together and in order; `top_speed_mps` (n,).
    Rows that are not live have no previous fix and never jump: they are judged by themselves.
    """
    jump = np.zeros(len(batch), dtype=np.bool_)
    previous = np.full((len(batch), _WIDTH), np.nan)
    belief = Belief(jump, previous, {}, {})
    if not len(live):
        return belief
    fixes = _matrix(batch, live)
    vehicle = batch.vehicle[live]
    starts, ends = group_bounds(vehicle)
    before = np.empty_like(fixes)
    before[1:] = fixes[:-1]
    keys = vehicle[starts].tolist()
    before[starts] = np.array([_tuple(tracks[key].believed) for key in keys])
    top = top_speed_mps[live]
    leaps = _leaps(before, fixes, top, coverage_factor)
    jumping = np.logical_or.reduceat(leaps, starts)
    belief.fixes.update(zip(keys, _fixes(fixes[ends - 1]), strict=True))
    belief.candidates.update(dict.fromkeys(keys, ()))
    for group in np.flatnonzero(jumping).tolist():
        rows = slice(int(starts[group]), int(ends[group]))
        walk = _Walk(tracks[keys[group]], top[rows][0], coverage_factor)
        for row in range(rows.start, rows.stop):
            leaps[row], before[row] = walk.step(fixes[row])
        belief.fixes[keys[group]] = walk.believed
        belief.candidates[keys[group]] = tuple(walk.candidates)
    jump[live] = leaps
    previous[live] = before
    return belief


def fix_at(batch: SampleBatch, row: int) -> Fix:
    """The position of one sample, as it is remembered when it is believed."""
    return _fixes(_matrix(batch, np.array([row])))[0]


class _Walk:
    """One vehicle's samples one by one, for the few flushes in which it jumps."""

    def __init__(self, track: Track, top_speed_mps: float, coverage_factor: float) -> None:
        self.believed = track.believed
        self.candidates = list(track.candidates)
        self._top_speed_mps = top_speed_mps
        self._coverage_factor = coverage_factor

    def step(self, row: Reals) -> tuple[bool, Reals]:
        """Whether the fix in `row` (8,) is a jump, and the fix believed before it (NaN: none)."""
        anchors = np.array([_row(self.believed), *(_row(candidate.fix) for candidate in self.candidates)])
        rows = np.broadcast_to(row, anchors.shape)
        top = np.full(len(anchors), self._top_speed_mps)
        near = ~_leaps(anchors, rows, top, self._coverage_factor)
        fix = _fixes(row[np.newaxis])[0]
        if near[0]:
            return self._believe(fix, anchors[0])
        found = np.flatnonzero(near[1:])
        if not len(found):
            self.candidates = [*self.candidates, Candidate(fix, fix.timestamp_ms, 1)][-MAX_CANDIDATES:]
            return True, anchors[0]
        agreed = self.candidates.pop(int(found[0]))
        count = agreed.count + 1
        if count >= REANCHOR_COUNT and fix.timestamp_ms - agreed.first_ms >= REANCHOR_MS:
            return self._believe(fix, _row(None))
        # Last in the list, it is the last to be forgotten.
        self.candidates.append(Candidate(fix, agreed.first_ms, count))
        return True, anchors[0]

    def _believe(self, fix: Fix, before: Reals) -> tuple[bool, Reals]:
        self.believed = fix
        self.candidates = []
        return False, before


def _leaps(before: Reals, fixes: Reals, top_speed_mps: Reals, coverage_factor: float) -> Flags:
    """Steps longer than anything the vehicle can have done, accuracy circles and slack included."""
    elapsed_s = np.abs(fixes[:, TIMESTAMP] - before[:, TIMESTAMP]) / 1000
    speed_mps = np.fmax(before[:, SPEED], fixes[:, SPEED])
    circles = _radius(before, coverage_factor) + _radius(fixes, coverage_factor)
    distance = distance_m(before[:, LON], before[:, LAT], fixes[:, LON], fixes[:, LAT])
    return distance > reach_m(elapsed_s, speed_mps, top_speed_mps) + circles + SLACK_M


def _radius(fixes: Reals, coverage_factor: float) -> Reals:
    accuracy = fixes[:, HORIZONTAL]
    return np.where(np.isnan(accuracy), UNSTATED_RADIUS_M, accuracy * coverage_factor)


def _matrix(batch: SampleBatch, rows: Integers) -> Reals:
    """The samples at `rows` as (m, 8); times as floats are exact far beyond any year in question."""
    return np.stack(
        [
            batch.timestamp_ms[rows].astype(np.float64),
            batch.lon[rows],
            batch.lat[rows],
            batch.altitude_m[rows],
            batch.altitude_datum[rows].astype(np.float64),
            batch.horizontal_accuracy_m[rows],
            batch.vertical_accuracy_m[rows],
            batch.speed_mps[rows],
        ],
        axis=1,
    )


def _fixes(matrix: Reals) -> list[Fix]:
    """The rows of (m, 8) as fixes."""
    columns = [matrix[:, column].tolist() for column in range(_WIDTH)]
    for column in (TIMESTAMP, DATUM):
        columns[column] = list(map(int, columns[column]))
    return list(map(Fix, *columns))


_NOWHERE = (float("nan"),) * _WIDTH


def _tuple(fix: Fix | None) -> tuple[float, ...]:
    return _NOWHERE if fix is None else msgspec.structs.astuple(fix)


def _row(fix: Fix | None) -> Reals:
    return np.array(_tuple(fix), dtype=np.float64)
