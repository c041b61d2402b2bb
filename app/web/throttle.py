"""Slows down guessing: attempts are counted per caller, per caller and account, and per account."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address

from telemetry.ports import Clock

WINDOW_MS = 300_000
FAILURES_PER_ACCOUNT = 5
FAILURES_PER_CALLER = 30
#: From here on an account answers strangers more and more slowly, whoever they are, but it always answers.
FAILURES_FROM_ANYWHERE = 20
_LONGEST_PAUSE_MS = 60_000
_KEPT_KEYS = 10_000
_ANYBODY = ""
#: What one customer of an IPv6 network has.
_IPV6_PREFIX_BITS = 64

Key = tuple[str, str]


class LoginThrottle:
    """Thread-safe, in memory, bounded. Failures older than five minutes are forgotten.

    An attempt counts as a failure when it begins, so that many at once do not slip through. Callers
    from where an account was logged in to before are spared the account's slowness: a stranger cannot
    lock its owner out.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[Key, deque[int]] = OrderedDict()
        self._familiar: OrderedDict[Key, None] = OrderedDict()

    def attempt(self, caller: str, account: str) -> int:
        """Begin an attempt: 0, or the seconds to wait before there may be one."""
        caller = _network_of(caller)
        with self._lock:
            now_ms = self._clock()
            wait_ms = max(
                self._wait_ms((caller, account), FAILURES_PER_ACCOUNT, now_ms),
                self._wait_ms((caller, _ANYBODY), FAILURES_PER_CALLER, now_ms),
                0 if (caller, account) in self._familiar else self._pause_ms(account, now_ms),
            )
            if wait_ms <= 0:
                for key in _keys(caller, account):
                    self._count(key, now_ms)
            return max(0, -(-wait_ms // 1000))

    def succeeded(self, caller: str, account: str) -> None:
        """The attempt was no failure: it does not count, and the caller is known from now on."""
        caller = _network_of(caller)
        with self._lock:
            self._failures.pop((caller, account), None)
            for key in _keys(caller, account)[1:]:
                if self._failures.get(key):
                    self._failures[key].pop()
            self._familiar[caller, account] = None
            self._familiar.move_to_end((caller, account))
            while len(self._familiar) > _KEPT_KEYS:
                self._familiar.popitem(last=False)

    def _count(self, key: Key, now_ms: int) -> None:
        failures = self._failures.setdefault(key, deque(maxlen=FAILURES_PER_CALLER))
        failures.append(now_ms)
        self._failures.move_to_end(key)
        while len(self._failures) > _KEPT_KEYS:
            self._failures.popitem(last=False)

    def _wait_ms(self, key: Key, most: int, now_ms: int) -> int:
        failures = self._recent(key, now_ms)
        return failures[-most] + WINDOW_MS - now_ms if len(failures) >= most else 0

    def _pause_ms(self, account: str, now_ms: int) -> int:
        failures = self._recent((_ANYBODY, account), now_ms)
        over = len(failures) - FAILURES_FROM_ANYWHERE
        return failures[-1] + min(_LONGEST_PAUSE_MS, 1_000 << over) - now_ms if over >= 0 else 0

    def _recent(self, key: Key, now_ms: int) -> deque[int]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= now_ms - WINDOW_MS:
            failures.popleft()
        return failures


def _keys(caller: str, account: str) -> tuple[Key, Key, Key]:
    return (caller, account), (caller, _ANYBODY), (_ANYBODY, account)


def _network_of(caller: str) -> str:
    """The address; of IPv6 the network, for its customers have as many addresses as they like."""
    try:
        address = ip_address(caller)
    except ValueError:
        return caller
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(int(address) >> (128 - _IPV6_PREFIX_BITS))
    return caller
