"""Alert episodes: confirmation by time and count, extension, and hysteresis at the end.

A run is followed sample by sample, and only for vehicles that show a finding or have a run: the
others cost nothing. Late samples and such of a future clock never come here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from telemetry.findings import RULES, Finding
from telemetry.ports import AlertChange
from telemetry.tracks import Run

#: Without a decided sample for this long a run, of confirmation or of clearing, starts anew.
GAP_MS = 60_000

#: An open alert's `last_seen_ms` is written at most this often, in the samples' own time.
EXTEND_MS = 5_000

#: A standing vehicle with a coarse fix is not leaving a place: its samples weigh half for place findings.
STANDING_MPS = 0.5
COARSE_ACCURACY_M = 5.0
_FULL_WEIGHT = 4
_HALF_WEIGHT = 2

#: Right after a jump it is open which of the fixes are the wild ones.
_AFTER_JUMP_WEIGHT = 1

_PLACE = Finding.OUTSIDE_AREA | Finding.RESTRICTED_AREA
_BITS = tuple(int(finding) for finding in Finding)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One judged live sample as the alerts read it.

    `crossed_since_ms`: RESTRICTED_AREA rests on the segment since the fix of that time alone (-1: no).
    `after_jump`: the live sample before this one was a jump.
    """

    timestamp_ms: int
    seq: int
    verdict: int
    undecided: int
    zone_revision: int
    permit_revision: int
    lon: float
    lat: float
    speed_mps: float
    accuracy_m: float
    crossed_since_ms: int
    after_jump: bool


def follow(vehicle: int, runs: Sequence[Run], samples: Iterable[Evidence]) -> tuple[tuple[Run, ...], list[AlertChange]]:
    """The runs after these samples of one vehicle, in order, and what changed on the way.

    Changes of one episode are joined: the last state of each, `is_new` if it opened here.
    """
    active = {run.finding: run for run in runs}
    changes: dict[tuple[int, int, int], AlertChange] = {}
    for sample in samples:
        for bit in _BITS:
            if not (sample.verdict & bit or bit in active):
                continue
            run, change = _step(vehicle, active.pop(bit, None), bit, sample)
            if run is not None:
                active[bit] = run
            if change is not None:
                key = (bit, change.opened_at_ms, change.opened_seq)
                opened_here = change.is_new or (key in changes and changes[key].is_new)
                changes[key] = replace(change, is_new=opened_here)
    return tuple(active[bit] for bit in sorted(active)), list(changes.values())


def _step(vehicle: int, run: Run | None, bit: int, sample: Evidence) -> tuple[Run | None, AlertChange | None]:
    """One finding, one sample. Undecided neither counts nor interrupts."""
    shows = bool(sample.verdict & bit)
    if not shows and sample.undecided & bit:
        return run, None
    if run is not None and run.opened_at_ms >= 0:
        return _extend(vehicle, run, sample) if shows else _clear(vehicle, run, sample)
    if sample.crossed_since_ms >= 0 and bit == Finding.RESTRICTED_AREA and (run is None or run.crossed):
        return _cross(vehicle, run, sample)
    if shows:
        return _confirm(vehicle, _seen(run, bit, sample), sample)
    if run is not None and run.crossed:
        # Still on the far side of the zone: the crossing was no single wild fix.
        return _confirm(vehicle, _seen(run, bit, sample), sample)
    return None, None


def _seen(run: Run | None, bit: int, sample: Evidence) -> Run:
    """The run with one more sample that shows the finding; a new one after a gap."""
    weight = _weight(bit, sample)
    if run is None or sample.timestamp_ms - run.last_seen_ms > GAP_MS:
        return Run(bit, sample.timestamp_ms, sample.timestamp_ms, weight)
    return msgspec.structs.replace(run, last_seen_ms=sample.timestamp_ms, weight=run.weight + weight)


def _weight(bit: int, sample: Evidence) -> int:
    if not bit & _PLACE:
        return _FULL_WEIGHT
    if sample.after_jump:
        return _AFTER_JUMP_WEIGHT
    standing_and_coarse = sample.speed_mps < STANDING_MPS and sample.accuracy_m > COARSE_ACCURACY_M
    return _HALF_WEIGHT if standing_and_coarse else _FULL_WEIGHT


def _cross(vehicle: int, run: Run | None, sample: Evidence) -> tuple[Run | None, AlertChange | None]:
    """A segment across a zone starts a run; the way back ends it, for then the far fix was wild."""
    bit = int(Finding.RESTRICTED_AREA)
    if run is not None and run.zone_revision == sample.zone_revision:
        return None, None
    if run is not None:
        return _confirm(vehicle, _seen(run, bit, sample), sample)
    return Run(
        bit,
        sample.crossed_since_ms,
        sample.timestamp_ms,
        _weight(bit, sample),
        crossed=True,
        zone_revision=sample.zone_revision,
    ), None


def _confirm(vehicle: int, run: Run, sample: Evidence) -> tuple[Run, AlertChange | None]:
    """Open the alert if the run is long enough, in count and in time."""
    rule = RULES[Finding(run.finding)]
    if run.weight < rule.confirm_count * _FULL_WEIGHT or sample.timestamp_ms - run.first_seen_ms < rule.confirm_ms:
        return run, None
    opened = msgspec.structs.replace(
        run,
        opened_at_ms=sample.timestamp_ms,
        opened_seq=sample.seq,
        zone_revision=run.zone_revision if run.crossed else sample.zone_revision,
        permit_revision=sample.permit_revision,
        lon=sample.lon,
        lat=sample.lat,
        reported_ms=sample.timestamp_ms,
    )
    return opened, _change(vehicle, opened, is_new=True)


def _extend(vehicle: int, run: Run, sample: Evidence) -> tuple[Run, AlertChange | None]:
    seen = msgspec.structs.replace(run, last_seen_ms=sample.timestamp_ms, clear_count=0)
    if sample.timestamp_ms - run.reported_ms < EXTEND_MS:
        return seen, None
    seen = msgspec.structs.replace(seen, reported_ms=sample.timestamp_ms)
    return seen, _change(vehicle, seen)


def _clear(vehicle: int, run: Run, sample: Evidence) -> tuple[Run | None, AlertChange | None]:
    """One more sample without the finding; after a gap the count starts anew."""
    at_ms = sample.timestamp_ms
    if run.clear_count == 0 or at_ms - run.clear_last_ms > GAP_MS:
        run = msgspec.structs.replace(run, clear_count=1, clear_since_ms=at_ms, clear_last_ms=at_ms)
    else:
        run = msgspec.structs.replace(run, clear_count=run.clear_count + 1, clear_last_ms=at_ms)
    rule = RULES[Finding(run.finding)]
    if run.clear_count < rule.clear_count or at_ms - run.clear_since_ms < rule.clear_ms:
        return run, None
    return None, _change(vehicle, run, closed_at_ms=at_ms)


def _change(vehicle: int, run: Run, *, closed_at_ms: int | None = None, is_new: bool = False) -> AlertChange:
    finding = Finding(run.finding)
    return AlertChange(
        vehicle=vehicle,
        finding=finding,
        severity=RULES[finding].severity,
        opened_at_ms=run.opened_at_ms,
        opened_seq=run.opened_seq,
        first_seen_ms=run.first_seen_ms,
        last_seen_ms=run.last_seen_ms,
        closed_at_ms=closed_at_ms,
        zone_revision=run.zone_revision,
        permit_revision=run.permit_revision,
        lon=run.lon,
        lat=run.lat,
        is_new=is_new,
    )
