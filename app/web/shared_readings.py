"""What many viewers ask for again and again, made once a second for all of them in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

#: How old a reading may be to be shared, and after how long without a viewer it is forgotten.
SHARED_MS = 1_000
_KEPT_MS = 60_000


@dataclass(slots=True)
class _Reading(Generic[_Value]):
    """The newest reading; who wants one while it is made waits for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_at_ms: int = 0
    made_at_ms: int = 0
    values: list[_Value] = field(default_factory=list)


class SharedReadings(Generic[_Key, _Value]):
    """Readings by key. Thread-safe. One that fails is nobody's: the next viewer tries again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: dict[_Key, _Reading[_Value]] = {}

    def get(self, key: _Key, now_ms: int, make: Callable[[], _Value]) -> _Value:
        """What was read within the last second, or what `make` reads now. A clock that goes back shares nothing."""
        reading = self._reading(key, now_ms)
        with reading.lock:
            if not (reading.values and 0 <= now_ms - reading.made_at_ms < SHARED_MS):
                reading.values, reading.made_at_ms = [make()], now_ms
            return reading.values[0]

    def _reading(self, key: _Key, now_ms: int) -> _Reading[_Value]:
        with self._lock:
            self._readings = {
                known: each for known, each in self._readings.items() if abs(now_ms - each.asked_at_ms) < _KEPT_MS
            }
            reading = self._readings.setdefault(key, _Reading())
            reading.asked_at_ms = now_ms
            return reading
