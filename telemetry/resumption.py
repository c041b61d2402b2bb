"""Where a replay resumes behind samples that are not there any more, without guessing what was remembered of them.

What a vehicle's sample is judged by, besides the rulebook, is the fix believed before it. A stored sample that
was no jump was believed, so that from there on the memory is known again, exactly: it is that fix. The
samples up to there, and the alerts that may have begun before, cannot be judged again; they are counted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from telemetry.belief import fix_at
from telemetry.findings import Finding
from telemetry.ports import AlertChange
from telemetry.samples import Flags, Integers, JudgedBatch, group_bounds, take_judged
from telemetry.tracks import NEW_TRACK, Track

_FOREVER_MS = 2**63 - 1


@dataclass(slots=True)
class Resumption:
    """`missing_until_ms`: the ends of periods of which no samples are there, in order.

    `samples` and `alerts` count what could not be judged again, `vehicles` are whose samples those were.
    """

    missing_until_ms: Sequence[int] = ()
    samples: int = 0
    alerts: int = 0
    vehicles: set[int] = field(default_factory=set)
    _unknown: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    _lost: set[int] = field(default_factory=set)

    def known_parts(self, batch: JudgedBatch, tracks: dict[int, Track]) -> Iterator[JudgedBatch]:
        """What of a batch can be judged again, part by part; `tracks` gets the memory before each part.

        Each vehicle's samples are together and its live ones in order, as judge_in_order takes them.
        """
        if not self.missing_until_ms:
            yield batch
            return
        period = np.searchsorted(self.missing_until_ms, batch.samples.timestamp_ms, side="right")
        for number in np.unique(period).tolist():
            part = take_judged(batch, np.flatnonzero(period == number))
            kept = np.flatnonzero(~self._skipped(part, tracks))
            if len(kept):
                yield take_judged(part, kept)

    def is_known(self, alert: AlertChange, tracks: dict[int, Track]) -> bool:
        """Whether everything that the alert came from has been judged again."""
        if not self.missing_until_ms:
            return True
        last_ms = tracks.get(alert.vehicle, NEW_TRACK).last_timestamp_ms
        unknown = self._unknown.get(alert.vehicle, [])
        if last_ms < self.missing_until_ms[-1]:  # nothing of it came after the last of these periods
            unknown = [*unknown, (last_ms, _FOREVER_MS)]
        ends_ms = _FOREVER_MS if alert.closed_at_ms is None else alert.closed_at_ms
        return not any(alert.first_seen_ms <= until_ms and ends_ms > since_ms for since_ms, until_ms in unknown)

    def _skipped(self, part: JudgedBatch, tracks: dict[int, Track]) -> Flags:
        """The live samples of vehicles that come from behind a gap, up to the first one that was believed."""
        skipped = np.zeros(len(part.samples), dtype=np.bool_)
        live = np.flatnonzero(~part.late)
        if not len(live):
            return skipped
        for start, end in zip(*group_bounds(part.samples.vehicle[live]), strict=True):
            rows = live[start:end]
            vehicle, first_ms = int(part.samples.vehicle[rows[0]]), int(part.samples.timestamp_ms[rows[0]])
            before_ms = tracks.get(vehicle, NEW_TRACK).last_timestamp_ms
            if vehicle in self._lost or self._is_gap(before_ms, first_ms):
                skipped[rows[: self._resume(part, rows, vehicle, tracks)]] = True
        return skipped

    def _is_gap(self, before_ms: int, after_ms: int) -> bool:
        place = bisect_right(self.missing_until_ms, after_ms)
        return place > 0 and before_ms < self.missing_until_ms[place - 1]

    def _resume(self, part: JudgedBatch, rows: Integers, vehicle: int, tracks: dict[int, Track]) -> int:
        """How many of a vehicle's rows are to be skipped; its track is what is known behind them."""
        believed = np.flatnonzero(part.verdict[rows] & int(Finding.IMPLAUSIBLE_JUMP) == 0)
        count = int(believed[0]) + 1 if len(believed) else len(rows)
        last = int(rows[count - 1])
        timestamp_ms, seq = int(part.samples.timestamp_ms[last]), int(part.samples.seq[last])
        before_ms = tracks.get(vehicle, NEW_TRACK).last_timestamp_ms
        if len(believed):
            self._lost.discard(vehicle)
        else:
            self._lost.add(vehicle)
        fix = fix_at(part.samples, last) if len(believed) else None
        tracks[vehicle] = Track(last_timestamp_ms=timestamp_ms, last_seq=seq, believed=fix)
        self._unknown.setdefault(vehicle, []).append((before_ms, timestamp_ms))
        self.samples += count
        self.vehicles.add(vehicle)
        return count
