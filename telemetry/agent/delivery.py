"""Which samples of one vehicle's ring go out, when, and when again. No network, no clock of its own.

Everything goes oldest first, so that the platform judges a vehicle's samples in their order. What is
sent again: after a reconnect all that is not settled (the broker may have died with it); at any time
a gap, older than the grace time, below something that is settled; and when nothing at all is settled
for the grace time, what is older than it. Each further attempt at a sample waits twice as long.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from telemetry.agent.ring import Ring, Settled


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an agent sends and how patiently it waits.

    `hello_s`: how long a new connection waits for the retained watermark before it sends what
    waited. `retry_s`: the pause after the broker could not pass a message on.
    """

    samples_per_message: int = 100
    bytes_per_message: int = 200 * 1024
    messages_in_flight: int = 10
    messages_per_s: float = 50.0
    grace_s: float = 5.0
    longest_grace_s: float = 60.0
    hello_s: float = 1.0
    retry_s: float = 1.0


class Channel(Protocol):
    """Where payloads go."""

    def publish(self, payload: bytes) -> int:
        """Send one QoS 1 message and return its identifier on this connection."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    at_s: float
    number: int


class Delivery:
    """The sending side of one ring. Times are monotonic seconds; one thread only."""

    def __init__(self, ring: Ring, pace: Pace) -> None:
        self._ring = ring
        self._pace = pace
        self._unsent: list[int] = []  # a heap
        self._sent: dict[int, _Attempt] = {}
        self._retried: dict[int, int] = {}  # attempts so far of samples that wait to be sent again
        self._in_flight: dict[int, Sequence[int]] = {}
        self._highest_settled = 0
        self._progress_at_s = 0.0
        self._look_again_at_s = 0.0
        self._hold_until_s = 0.0
        self._awaits_watermark = False
        self._allowance = pace.messages_per_s
        self._allowed_at_s = 0.0

    def appended(self, seqs: Sequence[int]) -> None:
        """These samples were put into the ring."""
        for seq in seqs:
            heapq.heappush(self._unsent, seq)

    def connected(self, now_s: float) -> None:
        """A new connection: nothing is known to have arrived."""
        self._unsent = self._ring.seqs()
        self._sent.clear()
        self._retried.clear()
        self._in_flight.clear()
        self._progress_at_s = now_s
        self._awaits_watermark = bool(self._unsent)
        self._hold_until_s = now_s + self._pace.hello_s if self._unsent else 0.0

    def settled(self, settled: Settled, now_s: float) -> int:
        """The platform tells what it has; returns how many samples left the ring."""
        dropped = self._ring.settle(settled)
        covers = _Coverage(settled)
        self._unsent = [seq for seq in sorted(self._unsent) if not covers(seq)]
        self._sent = {seq: attempt for seq, attempt in self._sent.items() if not covers(seq)}
        self._retried = {seq: number for seq, number in self._retried.items() if not covers(seq)}
        self._highest_settled = settled.highest
        if dropped:
            self._progress_at_s = now_s
        if self._awaits_watermark:
            self._awaits_watermark = False
            self._hold_until_s = 0.0
        return dropped

    def acknowledged(self, message_id: int) -> None:
        """The broker has this message; it may still lose it."""
        self._in_flight.pop(message_id, None)

    def refused(self, message_id: int, now_s: float) -> None:
        """The broker could not pass this message on (nobody listens, or not allowed): try later."""
        for seq in self._in_flight.pop(message_id, ()):
            if self._sent.pop(seq, None) is not None:
                heapq.heappush(self._unsent, seq)
        self._hold_until_s = now_s + self._pace.retry_s

    def pump(self, channel: Channel, now_s: float) -> None:
        """Send what is due, as far as the limits allow."""
        if now_s >= self._look_again_at_s:
            self._look_again_at_s = now_s + self._pace.grace_s / 10
            self._send_again_overdue(now_s)
        while (
            self._unsent
            and now_s >= self._hold_until_s
            and len(self._in_flight) < self._pace.messages_in_flight
            and self._may_send(now_s)
        ):
            rows = self._next_rows()
            if rows:
                seqs = [seq for seq, _ in rows]
                self._in_flight[channel.publish(_joined([payload for _, payload in rows]))] = seqs
                self._sent.update((seq, _Attempt(now_s, self._retried.pop(seq, 0))) for seq in seqs)
                self._allowance -= 1.0

    def _may_send(self, now_s: float) -> bool:
        """A token bucket of one second's messages."""
        rate = self._pace.messages_per_s
        self._allowance = min(rate, self._allowance + (now_s - self._allowed_at_s) * rate)
        self._allowed_at_s = now_s
        return self._allowance >= 1.0

    def _next_rows(self) -> list[tuple[int, bytes]]:
        """The oldest unsent samples that fit in one message; none when all of them are settled by now."""
        seqs: list[int] = []
        while self._unsent and len(seqs) < self._pace.samples_per_message:
            seq = heapq.heappop(self._unsent)
            if seq not in self._sent and seq not in seqs[-1:]:
                seqs.append(seq)
        rows = self._ring.read(seqs)
        fitting, size = 0, 0
        for _, payload in rows:
            size += len(payload) + 1
            if fitting and size > self._pace.bytes_per_message:
                break
            fitting += 1
        self.appended([seq for seq, _ in rows[fitting:]])
        return rows[:fitting]

    def _send_again_overdue(self, now_s: float) -> None:
        """Take up again what was sent longer ago than its grace time and, as far as one can tell, lost."""
        stalled = now_s - self._progress_at_s >= self._pace.grace_s
        overdue = [
            (seq, attempt.number)
            for seq, attempt in self._sent.items()
            if (stalled or seq < self._highest_settled) and now_s - attempt.at_s >= self._grace_s(attempt.number)
        ]
        for seq, number in overdue:
            del self._sent[seq]
            self._retried[seq] = number + 1
            heapq.heappush(self._unsent, seq)

    def _grace_s(self, attempt: int) -> float:
        return float(min(self._pace.grace_s * 2.0**attempt, self._pace.longest_grace_s))


class _Coverage:
    """Whether a seq is settled, by bisection."""

    def __init__(self, settled: Settled) -> None:
        self._spans = sorted(settled.spans())
        self._firsts = [first for first, _ in self._spans]

    def __call__(self, seq: int) -> bool:
        row = bisect_right(self._firsts, seq) - 1
        return row >= 0 and seq <= self._spans[row][1]


def _joined(payloads: Sequence[bytes]) -> bytes:
    """One sample as it is, several as a JSON array."""
    return payloads[0] if len(payloads) == 1 else b"[" + b",".join(payloads) + b"]"
