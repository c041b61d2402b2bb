"""The newest heartbeat of each worker, as the bus delivered it."""

from __future__ import annotations

import threading

from telemetry.bus import Heartbeat
from telemetry.ports import Clock

#: The broker keeps the last word of every worker there ever was; one that old belongs to a name
#: that is no longer in use.
FORGOTTEN_AFTER_MS = 86_400_000


class Heartbeats:
    """Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: dict[str, Heartbeat] = {}
        self._connected = False

    def beat(self, heartbeat: Heartbeat) -> None:
        """Take over a worker's account; the last will counts whatever its time says."""
        with self._lock:
            self._newest[heartbeat.worker] = heartbeat

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
        """The connection to the broker came or went."""
        self._connected = connected
