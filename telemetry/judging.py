"""Believe, judge and follow alerts: the one path that ingest and replay share, whatever the batch size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from telemetry.alerts import Evidence, follow
from telemetry.belief import Belief, believe
from telemetry.compliance import judge
from telemetry.findings import Finding
from telemetry.judgement import Judgement
from telemetry.ports import AlertChange
from telemetry.rulebook import Rulebook
from telemetry.samples import Codes, Flags, Integers, JudgedBatch, SampleBatch, group_bounds
from telemetry.tracks import NEW_TRACK, Track


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A judged batch, what it did to alerts, and each vehicle's track after its live samples."""

    batch: JudgedBatch
    changes: list[AlertChange]
    tracks: dict[int, Track]


def judge_in_order(
    rulebook: Rulebook,
    batch: SampleBatch,
    late: Flags,
    tracks: Mapping[int, Track],
    coverage_factor: float,
    *,
    observe: Callable[[Flags], Codes] | None = None,
) -> Judged:
    """Judge samples of which each vehicle's are together and its live ones in the order of (timestamp, seq).

    `tracks` holds what is known of the vehicles before; one that is missing is new. Late samples
    are judged by themselves: without a previous fix, and without effect on tracks and alerts.
    Watermarks and received numbers are passed through. What is near an aircraft is observed at ingest, by
    `observe` of those positions that are not believed; a replay takes what is stored with the samples.
    """
    live = np.flatnonzero(~late)
    top_speed_mps = rulebook.top_speed_mps[rulebook.rows_of(batch.vehicle)]
    known = {key: tracks.get(key, NEW_TRACK) for key in np.unique(batch.vehicle[live]).tolist()}
    belief = believe(batch, live, known, top_speed_mps, coverage_factor)
    if observe is not None:
        batch = replace(batch, proximity=observe(belief.jump))
    judgement = judge(rulebook, batch, belief.jump, belief.previous, coverage_factor)
    judged = JudgedBatch(
        samples=batch,
        verdict=judgement.verdict,
        undecided=judgement.undecided,
        late=late,
        zone_revision=judgement.zone_revision,
        permit_revision=judgement.permit_revision,
        generation=rulebook.generation,
    )
    after, changes = _after(batch, live, known, belief, judgement)
    return Judged(judged, changes, after)


def _after(
    batch: SampleBatch, live: Integers, tracks: Mapping[int, Track], belief: Belief, judgement: Judgement
) -> tuple[dict[int, Track], list[AlertChange]]:
    """Tracks after the live samples, and what happened to alerts on the way."""
    after: dict[int, Track] = {}
    changes: list[AlertChange] = []
    if not len(live):
        return after, changes
    starts, ends = group_bounds(batch.vehicle[live])
    last = live[ends - 1]
    groups = zip(
        batch.vehicle[last].tolist(),
        starts.tolist(),
        ends.tolist(),
        batch.timestamp_ms[last].tolist(),
        batch.seq[last].tolist(),
        np.bitwise_or.reduceat(judgement.verdict[live], starts).tolist(),
        strict=True,
    )
    for key, start, end, timestamp_ms, seq, verdicts in groups:
        track = tracks[key]
        runs = track.runs
        if verdicts or runs:
            runs, changed = follow(
                key, runs, _evidence(batch, judgement, live[start:end], after_jump=bool(track.candidates))
            )
            changes += changed
        after[key] = Track(
            track.watermark, track.received, timestamp_ms, seq, belief.fixes[key], belief.candidates[key], runs
        )
    return after, changes


def _evidence(batch: SampleBatch, judgement: Judgement, rows: Integers, *, after_jump: bool) -> list[Evidence]:
    """One vehicle's live samples for its alerts; `after_jump` is of the first one."""
    jumps = judgement.verdict[rows] & int(Finding.IMPLAUSIBLE_JUMP) > 0
    columns = (
        batch.timestamp_ms,
        batch.seq,
        judgement.verdict,
        judgement.undecided,
        judgement.zone_revision,
        judgement.permit_revision,
        batch.lon,
        batch.lat,
        batch.speed_mps,
        batch.horizontal_accuracy_m,
        judgement.crossed_since_ms,
    )
    values = (column[rows].tolist() for column in columns)
    return [Evidence(*row) for row in zip(*values, [after_jump, *jumps[:-1].tolist()], strict=True)]
