"""Samples for the pages of evidence: the cars of both operators side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.database import reading_session
from app.models import RegistryGeneration
from telemetry.samples import JudgedBatch
from tests.app.batches import judged_batch
from tests.app.web.cast import NOON_MS, City


def beside_each_other(city: City) -> JudgedBatch:
    """One sample a second of each, from half a minute before noon on; nothing was found."""
    with reading_session(city.engine) as session:
        generation = session.get_one(RegistryGeneration, 1).generation
    batch = judged_batch(120, vehicles=2, start_ms=NOON_MS - 30_000, generation=generation)
    row = np.arange(120)
    keys = np.array([city.keys["NORTH-R1"], city.keys["SOUTH-R1"]])
    samples = replace(
        batch.samples,
        vehicle=keys[row % 2],
        lon=113.9 + row % 2 * 0.0005,
        lat=22.52 + row // 2 * 5e-5,
        speed_mps=np.abs(np.sin(row / 20)) * 12,
        altitude_m=np.where(row % 2 == 0, 12.0 + row / 50, np.nan),
        altitude_datum=np.ones(120, dtype=np.int8),
        mode=np.where(row < 80, 0, 3).astype(np.int8),
        safety_officer=np.ones(120, dtype=np.int8),
        horizontal_accuracy_m=np.full(120, 0.6),
    )
    zeros = np.zeros(120, dtype=np.int64)
    return replace(
        batch,
        samples=samples,
        verdict=zeros,
        undecided=zeros,
        late=np.zeros(120, dtype=np.bool_),
        zone_revision=zeros - 1,
        permit_revision=zeros - 1,
    )
