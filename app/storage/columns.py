"""A judged batch as named columns of numbers, the texts apart: what both databases are fed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Double, Text

from app.models import Sample
from telemetry.samples import Integers, JudgedBatch, SampleBatch

COLUMNS: tuple[str, ...] = tuple(column.name for column in Sample.__table__.columns)
REALS = frozenset(column.name for column in Sample.__table__.columns if isinstance(column.type, Double))
TEXTS = frozenset(column.name for column in Sample.__table__.columns if isinstance(column.type, Text))

_OF_SAMPLE = frozenset(column.name for column in fields(SampleBatch))
#: Filled with the batch's generation, the same for all its rows.
_GENERATION = "generation"


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Columns by name, each of shape (n,), rows in the order of the natural key.

    A text column holds numbers of `texts`, counted from 1; 0 stands for None. An officer's name or
    a fault is the same in most samples of a flush, so each travels once.
    """

    arrays: dict[str, NDArray[np.generic]]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.arrays["seq"])


def encode(batch: JudgedBatch) -> EncodedBatch:
    """Columns for the database. Sorting by the natural key lets it fill its pages one after another."""
    samples = batch.samples
    order = np.lexsort((samples.seq, samples.vehicle, samples.timestamp_ms))
    numbers: dict[str | None, int] = {None: 0}
    arrays: dict[str, NDArray[np.generic]] = {}
    for name in COLUMNS:
        if name == _GENERATION:
            arrays[name] = np.full(len(samples), batch.generation, dtype=np.int64)
            continue
        values = getattr(samples if name in _OF_SAMPLE else batch, name)
        arrays[name] = (_coded(values, numbers) if name in TEXTS else values)[order]
    return EncodedBatch(arrays, [text for text in numbers if text is not None])


def _coded(values: list[str | None], numbers: dict[str | None, int]) -> Integers:
    if values.count(None) == len(values):
        return np.zeros(len(values), dtype=np.int64)
    for text in dict.fromkeys(values):
        numbers.setdefault(text, len(numbers))
    return np.array([*map(numbers.__getitem__, values)], dtype=np.int64)


def decode(rows: list[tuple[object, ...]], generation: int) -> JudgedBatch:
    """Rows of `COLUMNS` that share one generation, back as a batch: the very bits that were stored."""
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    arrays = {name: _array(name, values) for name, values in columns.items() if name != _GENERATION}
    samples = SampleBatch(**{name: arrays.pop(name) for name in tuple(arrays) if name in _OF_SAMPLE})  # type: ignore[arg-type] # built by name
    return JudgedBatch(samples=samples, generation=generation, **arrays)  # type: ignore[arg-type] # built by name


def _array(name: str, values: tuple[object, ...]) -> NDArray[np.generic] | list[object]:
    if name in TEXTS:
        return list(values)
    if name in REALS:
        return np.array(values, dtype=np.float64)  # None becomes NaN
    kind = np.bool_ if name == "late" else np.int8 if name in _CODES else np.int64
    return np.array(values, dtype=kind)


_CODES = frozenset({"altitude_datum", "mode", "safety_officer", "proximity"})
