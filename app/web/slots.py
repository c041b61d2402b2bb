"""How many event streams may be open: each holds a thread, and pages must stay reachable."""

from __future__ import annotations

import threading
from collections import Counter
from enum import StrEnum


class Audience(StrEnum):
    """Whose stream it is."""

    STAFF = "staff"
    PUBLIC = "public"


class TooManyStreams(Exception):
    """Every slot of this audience is taken."""


class StreamSlots:
    """Thread-safe. Of `threads` a quarter is kept for short requests, another one for staff."""

    def __init__(self, threads: int) -> None:
        total = max(1, threads * 3 // 4)
        self._limits = {Audience.STAFF: total, Audience.PUBLIC: max(1, threads // 2)}
        self._total = total
        self._lock = threading.Lock()
        self._open: Counter[Audience] = Counter()

    def take(self, audience: Audience) -> None:
        """Take a slot or raise TooManyStreams; `give_back` it when the stream ends."""
        with self._lock:
            if self._open.total() >= self._total or self._open[audience] >= self._limits[audience]:
                raise TooManyStreams
            self._open[audience] += 1

    def give_back(self, audience: Audience) -> None:
        """The stream has ended."""
        with self._lock:
            self._open[audience] -= 1

    def open(self, audience: Audience) -> int:
        """How many streams of this audience are open."""
        with self._lock:
            return self._open[audience]
