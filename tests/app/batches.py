"""Judged batches for tests of storage: every column filled, some values absent."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from telemetry.findings import Finding
from telemetry.ports import Flush
from telemetry.samples import JudgedBatch, SampleBatch

START_MS = 1_732_190_000_123


def judged_batch(
    count: int, *, vehicles: int = 7, first_seq: int = 1, start_ms: int = START_MS, generation: int = 0, seed: int = 0
) -> JudgedBatch:
    """`count` samples of `vehicles` vehicles, one a second each, from `start_ms` on."""
    random = np.random.default_rng([seed, first_seq, count])
    row = np.arange(count)
    seq = first_seq + row // vehicles

    def reals() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.where(random.random(count) < 0.2, np.nan, random.standard_normal(count) * 100)

    def codes() -> np.ndarray[tuple[int], np.dtype[np.int8]]:
        return random.integers(-1, 3, count).astype(np.int8)

    samples = SampleBatch(
        vehicle=row % vehicles + 1,
        seq=seq,
        timestamp_ms=start_ms + (seq - first_seq) * 1000 + row % vehicles,
        received_ms=start_ms + random.integers(0, 10**6, count),
        lon=random.random(count) + 113.4,
        lat=random.random(count) + 22.1,
        altitude_m=reals(),
        altitude_datum=codes(),
        heading_deg=reals(),
        speed_mps=reals(),
        horizontal_accuracy_m=reals(),
        vertical_accuracy_m=reals(),
        vertical_speed_mps=reals(),
        acceleration_mps2=reals(),
        mode=codes(),
        safety_officer=codes(),
        officer_id=[None if value < 3 else f"安全员-{value}" for value in random.integers(0, 9, count).tolist()],
        officer_load=random.integers(-1, 4, count),
        proximity=random.integers(-1, 16, count).astype(np.int8),
        passengers=random.integers(-1, 50, count),
        battery_percent=reals(),
        faults=[None if value else '["brake\\u0000","\\"转向\\""]' for value in random.integers(0, 5, count).tolist()],
    )
    return JudgedBatch(
        samples=samples,
        verdict=random.integers(0, 2 * max(Finding), count),
        undecided=random.integers(0, 2 * max(Finding), count),
        late=random.random(count) < 0.1,
        zone_revision=random.integers(-1, 100, count),
        permit_revision=random.integers(-1, 100, count),
        generation=generation,
    )


def flush_of(batch: JudgedBatch) -> Flush:
    """A flush with samples only."""
    return Flush(worker="worker", flushed_at_ms=START_MS, judged=batch, rejects=(), alerts=(), tracks=())


def rows_of(batch: JudgedBatch) -> list[tuple[object, ...]]:
    """Every value of every row, NaN as None, in the order of the natural key."""
    columns = [getattr(batch.samples, field.name) for field in fields(SampleBatch)]
    columns += [
        getattr(batch, field.name) for field in fields(JudgedBatch) if field.name not in {"samples", "generation"}
    ]
    plain = [column if isinstance(column, list) else column.tolist() for column in columns]
    rows = [tuple(None if value != value else value for value in row) for row in zip(*plain, strict=True)]  # noqa: PLR0124 -- NaN
    return sorted(((*row, batch.generation) for row in rows), key=lambda row: (row[2], row[0], row[1]))
