"""Slows down guessing of passwords: failures are counted per caller and per caller and account."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from telemetry.ports import Clock

WINDOW_MS = 300_000
FAILURES_PER_ACCOUNT = 5
FAILURES_PER_CALLER = 30
_KEPT_KEYS = 10_000


class LoginThrottle:
    """Thread-safe, in memory, bounded. Failures older than five minutes are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[tuple[str, str], deque[int]] = OrderedDict()

    def blocked(self, caller: str, account: str) -> bool:
        """Whether this caller has to wait before it may try this account again."""
        with self._lock:
            return (
                self._count((caller, account)) >= FAILURES_PER_ACCOUNT
                or self._count((caller, "")) >= FAILURES_PER_CALLER
            )

    def failed(self, caller: str, account: str) -> None:
        """A wrong password."""
        with self._lock:
            for key in ((caller, account), (caller, "")):
                failures = self._failures.setdefault(key, deque(maxlen=FAILURES_PER_CALLER))
                failures.append(self._clock())
                self._failures.move_to_end(key)
            while len(self._failures) > _KEPT_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, caller: str, account: str) -> None:
        """The right password: this account's failures no longer count."""
        with self._lock:
            self._failures.pop((caller, account), None)

    def _count(self, key: tuple[str, str]) -> int:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= self._clock() - WINDOW_MS:
            failures.popleft()
        return len(failures)
