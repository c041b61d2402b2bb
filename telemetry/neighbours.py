"""The vehicles of other workers, as these tell it on the service bus: heard by one thread, taken by each flush.

Aircraft are near each other whoever judges them, and remote officers are with vehicles of any worker
(docs/adr/0009-neighbours-over-the-bus.md). What is heard is stored by those who tell it, so that a flush that
fails forgets nothing of it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from telemetry.bus import (
    LIVE_FILTER,
    STATUS_FILTER,
    Heartbeat,
    LivePosition,
    decode_heartbeat,
    decode_positions,
    worker_of,
)
from telemetry.findings import Finding
from telemetry.listener import BusListener
from telemetry.messages import PARTITIONS
from telemetry.mqtt import BrokerAddress
from telemetry.positions import samples_of
from telemetry.samples import Flags, SampleBatch, VehicleKind
from telemetry.separation import FRESH_MS

#: Before and after all time.
_NEVER_MS, _ALWAYS_MS = -(2**62), 2**62


@dataclass(frozen=True, slots=True, eq=False)
class HeardSamples:
    """Newest live samples of other workers' vehicles; `flies` and `believed` are columns (n,)."""

    batch: SampleBatch
    flies: Flags
    believed: Flags

    @classmethod
    def of(cls, positions: Sequence[LivePosition]) -> HeardSamples:
        """One message of the bus."""
        jump = int(Finding.IMPLAUSIBLE_JUMP)
        return cls(
            samples_of(positions),
            np.array([position.kind is VehicleKind.AIR for position in positions], dtype=np.bool_),
            np.array([not position.verdict & jump for position in positions], dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard since the flush before.

    Everybody is known about of samples that arrived in [`complete_from_ms`, `complete_until_ms`]; of others
    some worker was too far behind, too far ahead, or not heard.
    """

    samples: Sequence[HeardSamples]
    complete_from_ms: int
    complete_until_ms: int


class Neighbours:
    """Thread-safe. `partitions` are this worker's own; news are kept for `kept_ms` of the vehicles' time."""

    def __init__(self, worker: str, partitions: Collection[int], *, kept_ms: int) -> None:
        self._worker = worker
        self._others = frozenset(range(PARTITIONS)).difference(partitions)
        self._kept_ms = kept_ms
        self._lock = threading.Lock()
        self._news: deque[tuple[int, HeardSamples]] = deque()
        self._beats: dict[str, Heartbeat] = {}
        self._through_ms = dict.fromkeys(self._others, _NEVER_MS)

    def __bool__(self) -> bool:
        """Whether there can be any: whoever has every partition is alone."""
        return bool(self._others)

    def hear_positions(self, positions: Sequence[LivePosition]) -> None:
        """Positions that another worker tells."""
        if not positions:
            return
        newest_ms = max(position.received_ms for position in positions)
        samples = HeardSamples.of(positions)
        with self._lock:
            self._news.append((newest_ms, samples))
            while self._news[0][0] < newest_ms - self._kept_ms:
                self._news.popleft()

    def hear_heartbeat(self, beat: Heartbeat) -> None:
        """A worker's account. A last will names no partitions: what was said before counts until it is too old."""
        if beat.worker != self._worker and beat.partitions:
            with self._lock:
                self._beats[beat.worker] = beat
                self._through_ms = self._judged_through()

    def take(self) -> Heard:
        """What is new, once; and how complete it is."""
        with self._lock:
            news = [samples for _, samples in self._news]
            self._news.clear()
            through_ms = self._through_ms.values()
        latest_ms, earliest_ms = max(through_ms, default=_NEVER_MS), min(through_ms, default=_ALWAYS_MS)
        return Heard(news, latest_ms - FRESH_MS, earliest_ms + FRESH_MS)

    def unheard(self, now_ms: int) -> tuple[int, ...]:
        """The partitions of which too little is known now to tell what is near an aircraft."""
        through_ms = self._through_ms
        return tuple(sorted(each for each, at_ms in through_ms.items() if at_ms < now_ms - FRESH_MS))

    def _judged_through(self) -> dict[int, int]:
        """Of each partition of others until when everything that arrived there is judged and told."""
        through_ms = dict.fromkeys(self._others, _NEVER_MS)
        for beat in self._beats.values():
            told_ms = beat.at_ms - max(beat.lag_ms, beat.untold_ms)
            for partition in self._others.intersection(beat.partitions):
                through_ms[partition] = max(through_ms[partition], told_ms)
        return through_ms


def neighbours_listener(broker: BrokerAddress, worker: str, neighbours: Neighbours) -> BusListener:
    """What the other workers tell, until it is stopped, in a thread of its own."""

    def hear_positions(topic: str, payload: bytes) -> None:
        if worker_of(topic) != worker:  # not even decoded: it is the largest part
            neighbours.hear_positions(decode_positions(payload))

    return BusListener(
        broker,
        f"{worker}-neighbours",
        {
            LIVE_FILTER: hear_positions,
            STATUS_FILTER: lambda _, payload: neighbours.hear_heartbeat(decode_heartbeat(payload)),
        },
    )
