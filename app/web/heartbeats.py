"""The newest heartbeat of each worker, as the bus delivered it."""

from __future__ import annotations

import threading

from telemetry.bus import Heartbeat


class Heartbeats:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Heartbeat] = {}
        self._connected = False

    def beat(self, heartbeat: Heartbeat) -> None:
        """Take over a worker's account; the last will counts whatever its time says."""
        with self._lock:
            self._newest[heartbeat.worker] = heartbeat

    def workers(self) -> list[Heartbeat]:
        """The newest account of every worker, by name."""
        with self._lock:
            return [self._newest[name] for name in sorted(self._newest)]

    @property
    def connected(self) -> bool:
        """Whether the broker can be heard at all."""
        return self._connected

    def set_connected(self, connected: bool) -> None:  # noqa: FBT001 -- the value itself is told
        """The connection to the broker came or went."""
        self._connected = connected
