"""How many vehicles each remote officer is seen with: observed of what a worker hears, stored with the samples."""

from __future__ import annotations

import numpy as np

from telemetry.samples import Integers, SafetyOfficer, SampleBatch

#: A vehicle counts for an officer while its own time is this near.
NEAR_MS = 10_000

#: Vehicles remembered of one officer. Loads stop growing here, far above any permit's ratio.
MAX_VEHICLES = 64

#: Officers remembered at once, far above what a city has.
MAX_OFFICERS = 10_000

#: When each vehicle was last seen with an officer, by officer.
Seen = dict[str, dict[int, int]]


class OfficerRoster:
    """Who was last seen with whom. Observing changes nothing until it is kept: a flush may fail."""

    def __init__(self) -> None:
        self._seen: Seen = {}

    def observe(self, batch: SampleBatch, rows: Integers) -> tuple[Integers, Seen]:
        """Loads (n,) of the batch, -1 except at live samples with a named remote officer; and what to keep.

        `rows` are the live samples in the order of their arrival. A load counts the vehicle itself.
        """
        loads = np.full(len(batch), -1, dtype=np.int64)
        pending: Seen = {}
        remote = rows[batch.safety_officer[rows] == SafetyOfficer.REMOTE]
        for row in remote.tolist():
            officer = batch.officer_id[row]
            if officer is None:
                continue
            if officer not in pending:
                pending[officer] = dict(self._seen.get(officer, {}))
            seen = pending[officer]
            now_ms = int(batch.timestamp_ms[row])
            seen.pop(int(batch.vehicle[row]), None)
            loads[row] = 1 + sum(abs(now_ms - then_ms) <= NEAR_MS for then_ms in seen.values())
            seen[int(batch.vehicle[row])] = now_ms
            if len(seen) > MAX_VEHICLES:
                del seen[next(iter(seen))]
        return loads, pending

    def hear(self, batch: SampleBatch) -> None:
        """Vehicles of other workers, in the order of their arrival: they count from now on."""
        self.keep(self.observe(batch, np.arange(len(batch)))[1])

    def keep(self, pending: Seen) -> None:
        """The flush that these were observed in is stored. The officers named longest ago give way."""
        for officer, seen in pending.items():
            self._seen.pop(officer, None)
            self._seen[officer] = seen
        while len(self._seen) > MAX_OFFICERS:
            del self._seen[next(iter(self._seen))]
