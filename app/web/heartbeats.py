"""The newest heartbeat of each worker, as the bus delivered it."""

from __future__ import annotations

import threading

from telemetry.bus import Heartbeat, WorkerState
from telemetry.ports import Clock

#: The broker keeps the last word of every worker there ever was; one that old belongs to a name
#: that is no longer in use.
FORGOTTEN_AFTER_MS = 86_400_000
#: A worker is well that runs, said so this long ago at most, and is no further behind than that.
HEARTBEAT_AGE_MS = 5_000
LAG_MS = 5_000


class Heartbeats:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: dict[str, Heartbeat] = {}
        self._well_since_ms: dict[str, int] = {}
        self._connected = False

    def beat(self, heartbeat: Heartbeat) -> None:
        """Take over a worker's account; the last will counts whatever its time says."""
        now_ms = self._clock()
        with self._lock:
            before = self._newest.get(heartbeat.worker)
            self._newest[heartbeat.worker] = heartbeat
            if not _is_well(heartbeat, now_ms):
                self._well_since_ms.pop(heartbeat.worker, None)
            elif before is None or not _is_well(before, now_ms) or heartbeat.worker not in self._well_since_ms:
                self._well_since_ms[heartbeat.worker] = now_ms

    def listening_since_ms(self, partition: int) -> int | None:
        """Since when a worker of this partition has been well without a break; None: none is."""
        now_ms = self._clock()
        with self._lock:
            since_ms = [
                self._well_since_ms[beat.worker]
                for beat in self._newest.values()
                if partition in beat.partitions and beat.worker in self._well_since_ms and _is_well(beat, now_ms)
            ]
        return min(since_ms, default=None)

    def workers(self) -> list[Heartbeat]:
        """The newest account of every worker, by name; without those that were given up long ago."""
        oldest_ms = self._clock() - FORGOTTEN_AFTER_MS
        with self._lock:
            return [beat for _, beat in sorted(self._newest.items()) if beat.at_ms >= oldest_ms]

    @property
    def connected(self) -> bool:
        """Whether the broker can be heard at all."""
        return self._connected

    def set_connected(self, connected: bool) -> None:  # noqa: FBT001 -- the value itself is told
        """The connection to the broker came or went; without it nothing is known of any worker."""
        with self._lock:
            self._connected = connected
            if not connected:
                self._well_since_ms.clear()


def _is_well(beat: Heartbeat, now_ms: int) -> bool:
    return beat.state is WorkerState.RUNNING and beat.lag_ms <= LAG_MS and now_ms - beat.at_ms <= HEARTBEAT_AGE_MS
