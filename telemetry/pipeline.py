"""Messages to a Flush and back: decode, judge, commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.bus import LivePosition
from telemetry.messages import Message
from telemetry.ports import AlertChange, Clock, Registry, Store


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """What an operator of the platform may tune.

    `coverage_factor` times the reported 68 % radius is the accuracy circle of the three answers.
    """

    worker: str = "worker"
    coverage_factor: float = 2.0


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is settled of one vehicle: every seq up to `watermark` and in the closed intervals `received`."""

    vehicle_id: str
    watermark: int
    received: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FlushResult:
    """What a committed flush means to the worker.

    `watermarks` has one entry a vehicle in the flush, `positions` the newest live sample of each
    vehicle that has one. Every message of the flush may be acknowledged, whatever the counts.
    """

    watermarks: Sequence[Watermark]
    positions: Sequence[LivePosition]
    alerts: Sequence[AlertChange]
    generation: int
    stored: int
    late: int
    rejected: int
    duplicates: int


class Pipeline:
    """Decodes, judges and commits; remembers each vehicle's track between flushes. Not thread-safe."""

    def __init__(
        self, registry: Registry, store: Store, clock: Clock, settings: PipelineSettings | None = None
    ) -> None:
        self._registry = registry
        self._store = store
        self._clock = clock
        self._settings = settings or PipelineSettings()

    def process(self, messages: Sequence[Message]) -> FlushResult:
        """Judge and store these messages in one transaction.

        Returns after the commit. Raises StoreUnavailable with nothing written and nothing
        remembered: the same messages may be processed again with the same result.
        """
        raise NotImplementedError
