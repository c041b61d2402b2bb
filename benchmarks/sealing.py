"""What the seals cost: flushes with and without them in turn, and judging in the same flushes.

SQLite (WAL, synchronous=FULL), 1,000 vehicles, 250 zones, no broker. `digests` and `blocks` are the time within
the two functions that seal; the difference of whole flushes has the larger commit besides. Times are of this
process's own work (CPU) but for the last three columns.

Run with `python -m benchmarks.sealing`.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec

import app.storage.store
import telemetry.pipeline
from app.database import open_engine
from app.registry import DatabaseRegistry
from app.storage import open_store
from benchmarks.stage import BenchStage, sample, staged
from geofences.datum import VerticalReference
from telemetry.clock import system_clock
from telemetry.messages import Message
from telemetry.pipeline import Pipeline, PipelineSettings

VEHICLES, ZONES = 1_000, 250
#: Messages a flush and samples a message: what a worker takes at once, and after an outage.
SHAPES = ((500, 1), (5, 100), (50, 100))
FLUSHES = 40
STEP_MS = 20

Times = dict[str, list[float]]


def main() -> None:
    """Measure and print the table."""
    print(f"milliseconds a flush, medians, with and without seals; {VEHICLES} vehicles, {ZONES} zones, SQLite FULL")
    print(
        f"{'messages x samples':>20}{'judging':>10}{'digests':>10}{'blocks':>10}{'without':>10}{'with':>10}{'cost':>8}"
    )
    with staged(vehicles=VEHICLES, zones=ZONES) as stage:
        engine = open_engine(f"sqlite:///{stage.database}")
        registry = DatabaseRegistry(engine, VerticalReference(5.0, -3.0))
        pipeline = Pipeline(registry, open_store(engine), system_clock, PipelineSettings())
        pipeline.process(list(_messages(stage, (VEHICLES, 1), first_seq=1)))
        first_seq = 2
        for shape in SHAPES:
            times = _measured(stage, pipeline, shape, first_seq)
            first_seq += 2 * FLUSHES * shape[1] + 1
            _print_row(shape, times)
        engine.dispose()


def _measured(stage: BenchStage, pipeline: Pipeline, shape: tuple[int, int], first_seq: int) -> Times:
    times: Times = defaultdict(list)
    for number in range(2 * FLUSHES):
        is_sealed = number % 2 == 0
        messages = list(_messages(stage, shape, first_seq=first_seq + number * shape[1]))
        with _timed(times, is_sealed=is_sealed):
            began = time.perf_counter()
            pipeline.process(messages)
            times["with" if is_sealed else "without"].append(time.perf_counter() - began)
    return times


def _messages(stage: BenchStage, shape: tuple[int, int], *, first_seq: int) -> Iterator[Message]:
    count, size = shape
    now_ms = system_clock()
    for vehicle in stage.vehicles[:count]:
        listed = [
            sample(vehicle, seq, now_ms - 3_600_000 + seq * STEP_MS) for seq in range(first_seq, first_seq + size)
        ]
        yield Message(vehicle.topic, msgspec.json.encode(listed if size > 1 else listed[0]), now_ms)


@contextmanager
def _timed(times: Times, *, is_sealed: bool) -> Iterator[None]:
    """The parts of a flush noted; without seals if so wanted."""
    contents_of = app.storage.store.contents_of if is_sealed else _nothing
    with (
        patch.object(telemetry.pipeline, "judge_in_order", _noted(times["judging"], telemetry.pipeline.judge_in_order)),
        patch.object(app.storage.store, "contents_of", _noted(times["digests" * is_sealed], contents_of)),
        patch.object(
            app.storage.store, "write_seals", _noted(times["blocks" * is_sealed], app.storage.store.write_seals)
        ),
    ):
        yield


def _nothing(_batch: object) -> Sequence[Any]:
    return ()


def _noted(durations: list[float], function: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            durations.append(time.process_time() - began)

    return noted


def _print_row(shape: tuple[int, int], times: Times) -> None:
    medians = {name: 1000 * statistics.median(values) for name, values in times.items()}
    columns = "".join(f"{medians[name]:>10.2f}" for name in ("judging", "digests", "blocks", "without", "with"))
    print(f"{shape[0]:>13} x {shape[1]:>4}{columns}{medians['with'] / medians['without'] - 1:>8.1%}")


if __name__ == "__main__":
    main()
